"""
How much more the pages of an opened capsule cost that holds more photos: CPU milliseconds of a call, and statements.

    PYTHONPATH=tests .venv/bin/python benchmarks/pages.py [--photos 50 500 5000] [--databases sqlite postgres]

Each number of photos is in a capsule of its own; `first` is the first look of all, for which the capsule is arranged.
"""

from __future__ import annotations

import argparse
import logging

import growth
import instance
import structlog

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.store import stories as story_store
from support.everyday import Call, Everyday
from support.many_photos import add_copies
from support.queries import recorded_statements


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--databases", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"]
    )
    parser.add_argument("--photos", nargs="+", type=int, default=[50, 500, 5_000])
    parser.add_argument("--runs", type=int, default=growth.RUNS, help="the least CPU of so many is printed")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for database in options.databases:
        print(f"\n{database}\n\n| photos | page | CPU ms | statements |\n|---|---|---|---|")
        for photos in options.photos:
            measure(database, photos, options.runs)


def measure(database: str, photos: int, runs: int) -> None:
    """Print a line for each page of a capsule with so many photos."""
    with growth.place(database) as (root, store_url):
        (root / "config.toml").write_text(
            f'data_dir = "data"\nkey_file = "instance.key"\nstore_url = "{store_url}"\nzone = "UTC"\n'
        )
        settings = config.load(config_file=root / "config.toml")
        instance.initialise(settings)
        with open_app(settings) as app:
            day = Everyday(app=app, photos=1)
            with app.store.reading() as tx:
                (story,) = story_store.of_capsule(tx, day.opened.id)
            add_copies(app.store, story.id, photos - 1)
            here = f"/g/c/{day.opened.id}"
            pages: dict[str, Call] = {
                "photo page": day.get(f"{here}/photos"),
                "the viewer's list": day.get(f"{here}/photos.json"),
                "search for a word": day.get(f"{here}/photos?find=summer"),
                "choice": day.get(here),
                "film page": day.get(f"{here}/film"),
                "API stories, five": day.ask(f"/capsules/{day.opened.id}/stories?limit=5"),
                "API story": day.ask(f"/stories/{story.id}"),
            }
            with recorded_statements(app.store) as asked:
                before = growth.cpu_seconds(app.store)
                pages["photo page"]()
                first = growth.cpu_seconds(app.store) - before
            print(f"| {photos:,} | photo page, first | {first * 1000:.0f} | {len(asked)} |", flush=True)
            for name, call in pages.items():
                cost = growth.cost_of(app.store, lambda _day, call=call: call, day, runs)
                print(
                    f"| {photos:,} | {name} | {cost.cpu_seconds * 1000:.0f} | {cost.statements} |", flush=True
                )


if __name__ == "__main__":
    main()
