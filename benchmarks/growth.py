"""
How much more a call costs in an instance that holds more: CPU milliseconds with 1,000 and with 10,000 capsules.

    PYTHONPATH=tests .venv/bin/python benchmarks/growth.py [--counts 1000 10000] [--databases sqlite postgres]

Prints a table for each kind of database with a line for each call of `tests/support/everyday.py`: its CPU and its
statements with each number of capsules, and the exponent with which its CPU grows (0: not at all; 1: as much as the
instance). The CPU of the database server counts as well, which must run on this machine: that of
`CAPSULE_TEST_POSTGRES`, or one of our own.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import instance
import structlog

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.store.transactions import Store
from support.everyday import CALLS, WHOLE, Everyday
from support.filling import fill
from support.queries import recorded_statements
from support.servers import open_postgres

PHOTOS = 10
RUNS = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    cpu_seconds: float
    statements: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--databases", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"]
    )
    parser.add_argument("--counts", nargs="+", type=int, default=[1_000, 10_000])
    parser.add_argument("--only", nargs="+", default=[*CALLS, *WHOLE], help="names of calls")
    parser.add_argument("--runs", type=int, default=RUNS, help="the least CPU of so many is printed")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for database in options.databases:
        costs: dict[str, list[Cost]] = {name: [] for name in options.only}
        for count in options.counts:
            with place(database) as (folder, url):
                for name, cost in measured(folder, count, url, options.only, options.runs):
                    costs[name].append(cost)
        print(f"\n{database}\n")
        print_table(costs, options.counts)


@contextmanager
def place(database: str) -> Iterator[tuple[Path, str]]:
    """Yield an empty folder and the URL of an empty database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        if database == "sqlite":
            yield folder, f"sqlite:///{folder}/data/capsule.db"
            return
        with closing(open_postgres()) as server:
            url = server.create_database()
            yield folder, url
            server.drop_database(url)


def measured(
    root: Path, count: int, store_url: str, names: list[str], runs: int
) -> Iterator[tuple[str, Cost]]:
    """Fill an instance, and yield what each call costs in it."""
    (root / "config.toml").write_text(
        f'data_dir = "data"\nkey_file = "instance.key"\nstore_url = "{store_url}"\nzone = "UTC"\n'
        '[film]\nquiet_hours = "always"\n'
    )
    settings = config.load(config_file=root / "config.toml")
    instance.initialise(settings)
    with open_app(settings) as app:
        day = Everyday(app=app, photos=PHOTOS)
        began = time.perf_counter()
        fill(app.store, day, count)
        print(f"{count} capsules written in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        for name in names:
            yield name, cost_of(app.store, (CALLS | WHOLE)[name], day, runs)


def cost_of(store: Store, make: Callable[[Everyday], Callable[[], object]], day: Everyday, runs: int) -> Cost:
    """Return the least CPU of some runs, the first of which only warms up, and how many statements one takes."""
    least, statements = math.inf, 0
    for _ in range(runs + 1):
        call = make(day)
        with recorded_statements(store) as asked:
            before = cpu_seconds(store)
            call()
            used = cpu_seconds(store) - before
        if statements:
            least = min(least, used)
        statements = len(asked)
    return Cost(cpu_seconds=least, statements=statements)


def cpu_seconds(store: Store) -> float:
    """Return the CPU seconds of this process and of the processes that serve its database on this machine."""
    used = time.process_time()
    if not store.is_sqlite:
        for pid in _servers(store):
            # The first number of schedstat (proc_pid_schedstat): nanoseconds on a processor.
            used += int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    return used


def _servers(store: Store) -> list[int]:
    mine = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename IS NOT NULL"
    with store.engine.connect() as connection:
        return [pid for (pid,) in connection.exec_driver_sql(mine)]


def print_table(costs: dict[str, list[Cost]], counts: list[int]) -> None:
    heads = " | ".join(f"{count:,}: CPU ms | statements" for count in counts)
    print(f"| call | {heads} | exponent |")
    print("|---" * (2 + 2 * len(counts)) + "|")
    for name, found in costs.items():
        cells = " | ".join(f"{one.cpu_seconds * 1000:.1f} | {one.statements}" for one in found)
        growth = math.log(max(found[-1].cpu_seconds, 1e-6) / max(found[0].cpu_seconds, 1e-6))
        exponent = growth / math.log(counts[-1] / counts[0]) if counts[-1] != counts[0] else 0.0
        mark = " (whole)" if name in WHOLE else ""
        print(f"| {name}{mark} | {cells} | {exponent:.2f} |")


if __name__ == "__main__":
    main()
