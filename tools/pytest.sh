#!/bin/sh
# Runs pytest in .venv and says in plain words what it means when no test was found (pytest's exit code 5): that
# must never pass for a success.
cd "$(dirname "$0")/.." || exit 1
# Tests start the program hundreds of times: with no bytecode kept, each start takes 0.7 s longer.
unset PYTHONDONTWRITEBYTECODE
# They make thousands of small files and wait for each to be on the disk. Memory is quicker, where there is enough.
room=$(df -Pk /dev/shm 2>/dev/null | awk '$1 == "tmpfs" { print $4 }')
if [ -z "${PYTEST_DEBUG_TEMPROOT:-}" ] && [ "${room:-0}" -gt 2000000 ] && [ -w /dev/shm ]; then
    export PYTEST_DEBUG_TEMPROOT=/dev/shm
fi
code=0
.venv/bin/python -m pytest "$@" || code=$?
[ "$code" != 5 ] || echo "No test was run: nothing in tests/ matches '$*'. That counts as a failure." >&2
exit "$code"
