"""
Opens 60 capsules at once on one Postgres, one S3 server, two web nodes behind nginx, and three workers that are killed.

make cluster; ARGS="--fault never" plants a fault, and ends well when that is noticed.
"""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from cluster.planted import FAULTS
from cluster.play import Play, perform
from support import leaks


def main() -> int:
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--capsules", type=int, default=Play.capsules)
    parser.add_argument("--members", type=int, default=Play.members)
    parser.add_argument("--workers", type=int, default=Play.workers)
    parser.add_argument("--webs", type=int, default=Play.webs)
    parser.add_argument("--kills", type=int, default=Play.kills)
    parser.add_argument("--minutes", type=float, default=Play.minutes)
    parser.add_argument("--fault", choices=sorted(FAULTS), default="")
    parser.add_argument(
        "--folder", dest="in_bucket", action="store_false", help="keep stored files in a folder"
    )
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    play = Play(**vars(asked))
    with leaks.watching() as watch:
        outcome = perform(play)
    for line in outcome.lines():
        print(line)
    broken = list(outcome.broken(kills=play.kills))
    broken += [f"a log or a metric holds {secret}" for _said, secret in watch.found()]
    for line in broken:
        print(f"BROKEN: {line}")
    is_planted = asked.fault not in {"", "short"}
    return int(bool(broken) is not is_planted)


if __name__ == "__main__":
    sys.exit(main())
