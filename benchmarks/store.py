"""
How long due work and lists take with many capsules: 10,000 in the store and one due; 1,000 in a list.

    .venv/bin/python benchmarks/store.py [--url postgresql+psycopg://...]

Prints medians of repeated runs, all from one store made for the purpose in a temporary folder.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import instance

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.services import capsules, sessions
from memorycapsule.services.capsules import CapsuleDraft
from memorycapsule.work import ticks

RUNS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="another store than an SQLite file; it must be empty")
    options = parser.parse_args()
    for count in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), count, options.url if count == 10_000 else None)


def measure(root: Path, count: int, url: str | None) -> None:
    (root / "data").mkdir()
    store_url = url or f"sqlite:///{root}/data/capsule.db"
    (root / "config.toml").write_text(
        f'data_dir = "data"\nkey_file = "instance.key"\nstore_url = "{store_url}"\nzone = "UTC"\n'
    )
    settings = config.load(config_file=root / "config.toml")
    instance.initialise(settings)
    with open_app(settings) as app:
        viewer = sessions.host_viewer(app.store)
        started = time.perf_counter()
        for number in range(count):
            capsules.create(
                app.store,
                app.vault,
                viewer,
                CapsuleDraft(title=f"Capsule number {number}", theme="museum", film_photos=60),
                date=parse_opening_date(f"in {number % 29 + 1} years", "UTC", app.now()),
                now=app.now(),
            )
        took = time.perf_counter() - started
        print(f"{count:6} capsules made, {took / count * 1000:.1f} ms each")
        idle = median(lambda: ticks.open_due(app))
        passes = []
        for _ in range(RUNS):
            soon = parse_opening_date("+1s", "UTC", app.now() - timedelta(seconds=0.9))
            capsules.create(
                app.store,
                app.vault,
                viewer,
                CapsuleDraft(title="Due", theme="museum", film_photos=60),
                date=soon,
                now=app.now(),
            )
            while app.now() <= soon.at:
                pass
            started = time.perf_counter()
            opened, _doubt = ticks.open_due(app)
            passes.append(time.perf_counter() - started)
            assert len(opened) == 1
        print(f"{count:6} capsules, none due: a look takes {idle * 1000:.1f} ms")
        print(f"{count:6} capsules, one due: opening it takes {statistics.median(passes) * 1000:.1f} ms")
    environment = {**os.environ, "CAPSULE_CONFIG": str(root / "config.toml")}
    # People keep their bytecode.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for arguments in (["--help"], ["list"], ["list", "--json"]):
        took = median(
            lambda arguments=arguments: subprocess.run(
                [sys.executable, "-m", "memorycapsule.cli", *arguments],
                stdout=subprocess.DEVNULL,
                env=environment,
                check=True,
            )
        )
        print(f"{count:6} capsules: capsule {' '.join(arguments):12} {took:.2f} s")


def median(call) -> float:
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    main()
