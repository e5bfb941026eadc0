"""
Kills every operation at every point, has the disk fail, and prints a table: python -m faults [OPERATION ...].

With rows in SQLite at every point, with rows in Postgres at every fourth.
"""

from __future__ import annotations

import argparse
import errno
import logging
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import structlog

from faults import stracing
from faults.operations import OPERATIONS
from faults.runs import Result, Scene, scene
from support.servers import find_postgres, open_postgres

#: Of so many points, the disk fails at one, and another program runs beside it at one; all are killed at.
_DISK_EVERY = 5
#: With rows in Postgres, one point in so many is killed at. Its disk is its own.
POSTGRES_EVERY = 4

#: By what keeps the rows: "SQLite", "Postgres".
_scenes: dict[str, Scene] = {}
#: How many points there are, by engine and operation.
_counted: dict[tuple[str, str], int] = {}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help=", ".join(OPERATIONS))
    parser.add_argument("--every", type=int, default=1, help="only every so-many-th point")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    names = asked.operations or list(OPERATIONS)
    results: list[tuple[str, Result]] = []
    with ExitStack() as stack:
        _scenes["SQLite"] = stack.enter_context(scene())
        if find_postgres():
            server = stack.enter_context(closing(open_postgres()))
            _scenes["Postgres"] = stack.enter_context(scene(server))
        else:
            print("No Postgres here, so nothing is killed with rows in it.")
        tasks = list(_tasks(names, asked.every))
        with multiprocessing.get_context("fork").Pool(asked.processes) as pool:
            for engine, result in pool.imap_unordered(_try, tasks):
                results.append((engine, result))
                if result.broken:
                    where = f"{result.operation} at {result.number} ({result.fault}, {engine})"
                    print(f"{where}: {result.broken}", flush=True)
    return _tell(results, time.monotonic() - began)


def _tasks(names: Sequence[str], every: int) -> Iterator[tuple]:
    """Yield what is to be tried: how, with which engine, which operation, and where."""
    for engine, made in _scenes.items():
        for name in names:
            operation = OPERATIONS[name]
            number_of_points = _counted[engine, name] = len(made.points(operation))
            chosen = range(1, number_of_points + 1, every * (POSTGRES_EVERY if engine == "Postgres" else 1))
            yield from (("point", engine, name, number, None) for number in chosen)
            if operation.house != "none":
                yield from (("beside", engine, name, number) for number in chosen[::_DISK_EVERY])
            if engine == "SQLite":
                for error in (errno.ENOSPC, errno.EIO):
                    yield from (("point", engine, name, number, error) for number in chosen[::_DISK_EVERY])
    if sentence := stracing.why_not():
        print(sentence)
        return
    for name in names:
        if OPERATIONS[name].words:
            yield from (("strace", "SQLite", name, *one) for one in stracing.INJECTIONS[::every])


def _try(task: tuple) -> tuple[str, Result]:
    how, engine, name, *which = task
    made, operation = _scenes[engine], OPERATIONS[name]
    try:
        if how == "strace":
            return engine, stracing.try_injection(made, operation, *which)
        if how == "beside":
            return engine, made.try_beside(operation, *which)
        number, error = which
        return engine, made.try_point(operation, number, error=error)
    except Exception:  # noqa: BLE001 - what cannot even be looked at is broken
        last = traceback.format_exc(limit=-3)
        return engine, Result(operation=name, number=0, fault=str(which), broken=(last,))


def _tell(results: list[tuple[str, Result]], seconds: float) -> int:
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for engine, result in results:
        row = rows[engine, result.operation.partition(",")[0]]
        row.update({"runs": 1, result.fault: 1, "unknown": result.unknown, "lost": result.never_arrived})
        row["broken"] += bool(result.broken)
        row["twice"] += any("letter twice" in one for one in result.broken)
        row["media"] += any("media lost" in one for one in result.broken)
    columns = ("runs", "killed", "ENOSPC", "EIO", "beside", "unknown", "lost", "broken", "twice", "media")
    print(f"{'operation':<15}{'rows in':<9}{'points':>7}" + "".join(f"{one:>8}" for one in columns))
    total: Counter[str] = Counter()
    for (engine, name), row in rows.items():
        total.update(row)
        points = _counted[engine, name]
        print(f"{name:<15}{engine:<9}{points:>7}" + "".join(f"{row[one]:>8}" for one in columns))
    print(f"{'all':<24}{sum(_counted.values()):>7}" + "".join(f"{total[one]:>8}" for one in columns))
    print(f"in {seconds:.0f} s; each unknown letter that never arrived (lost) stands in the owner's report")
    return bool(total["broken"])


if __name__ == "__main__":
    sys.exit(main())
