"""Kills every operation at every point, has the disk fail, and prints a table: python -m faults [OPERATION ...]."""

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

import structlog

from faults import stracing
from faults.operations import OPERATIONS
from faults.runs import Result, Scene, scene

#: Of so many points, the disk fails at one, and another program runs beside it at one; all are killed at.
_DISK_EVERY = 5

_scene: Scene


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help=", ".join(OPERATIONS))
    parser.add_argument("--every", type=int, default=1, help="only every so-many-th point")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    results: list[Result] = []
    with scene() as made:
        global _scene
        _scene = made
        tasks = []
        counted = {}
        for name in asked.operations or OPERATIONS:
            counted[name] = len(made.points(OPERATIONS[name]))
            chosen = range(1, counted[name] + 1, asked.every)
            tasks += [("point", name, number, None) for number in chosen]
            for error in (errno.ENOSPC, errno.EIO):
                tasks += [("point", name, number, error) for number in chosen[::_DISK_EVERY]]
            if OPERATIONS[name].house != "none":
                tasks += [("beside", name, number) for number in chosen[::_DISK_EVERY]]
        if sentence := stracing.why_not():
            print(sentence)
        else:
            traced = [name for name in asked.operations or OPERATIONS if OPERATIONS[name].words]
            tasks += [
                ("strace", name, *one) for name in traced for one in stracing.INJECTIONS[:: asked.every]
            ]
        with multiprocessing.get_context("fork").Pool(asked.processes) as pool:
            for result in pool.imap_unordered(_try, tasks):
                results.append(result)
                if result.broken:
                    print(
                        f"{result.operation} at {result.number} ({result.fault}): {result.broken}", flush=True
                    )
    return _tell(results, counted, time.monotonic() - began)


def _try(task: tuple) -> Result:
    how, name, *which = task
    try:
        if how == "strace":
            return stracing.try_injection(_scene, OPERATIONS[name], *which)
        if how == "beside":
            return _scene.try_beside(OPERATIONS[name], *which)
        number, error = which
        return _scene.try_point(OPERATIONS[name], number, error=error)
    except Exception:  # noqa: BLE001 - what cannot even be looked at is broken
        last = traceback.format_exc(limit=-3)
        return Result(operation=name, number=0, fault=str(which), broken=(last,))


def _tell(results: list[Result], counted: dict[str, int], seconds: float) -> int:
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        row = rows[result.operation.partition(",")[0]]
        row.update({"runs": 1, result.fault: 1, "unknown": result.unknown, "lost": result.never_arrived})
        row["broken"] += bool(result.broken)
        row["twice"] += any("letter twice" in one for one in result.broken)
        row["media"] += any("media lost" in one for one in result.broken)
    columns = ("runs", "killed", "ENOSPC", "EIO", "beside", "unknown", "lost", "broken", "twice", "media")
    print(f"{'operation':<12}{'points':>7}" + "".join(f"{one:>8}" for one in columns))
    total: Counter[str] = Counter()
    for name, row in rows.items():
        total.update(row)
        print(f"{name:<12}{counted[name]:>7}" + "".join(f"{row[one]:>8}" for one in columns))
    print(f"{'all':<12}{sum(counted.values()):>7}" + "".join(f"{total[one]:>8}" for one in columns))
    print(f"in {seconds:.0f} s; each unknown letter that never arrived (lost) stands in the owner's report")
    return bool(total["broken"])


if __name__ == "__main__":
    sys.exit(main())
