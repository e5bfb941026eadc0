"""
Plant small faults, one at a time, in what a capsule promises, and count those that a fast test notices.

    .venv/bin/python tools/mutants.py [NAME ...]

`[tool.mutmut]` in pyproject.toml says where, and which tests run. What was done stays in `mutants/`, so a run that was
cut off goes on, and another one tries those that were not noticed again, and what has changed. NAMEs choose mutants
("memorycapsule.seal.*"). Ends with 1 if less than 85 % are noticed; `python -m mutmut show NAME` shows a survivor.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "mutants"
LEAST = 0.85
#: A mutant that runs on for ever is noticed as well.
NOTICED = {"killed", "timeout"}


def main() -> None:
    MUTANTS.mkdir(exist_ok=True)
    forget_survivors()
    forget_copies()
    log = MUTANTS / "run.log"
    with log.open("w") as output:
        command = [*apart(), sys.executable, "-m", "mutmut", "run", "--max-children", "2", *sys.argv[1:]]
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"mutmut ended with {done.returncode}; {log.relative_to(ROOT)} says why.")
    found = verdicts()
    survivors = sorted(name for name, verdict in found.items() if verdict not in NOTICED)
    (MUTANTS / "survivors.txt").write_text("".join(f"{name}\n" for name in survivors))
    areas: dict[str, Counter[str]] = defaultdict(Counter)
    for name, verdict in found.items():
        areas[area_of(name)][verdict] += 1
    for area, counts in sorted(areas.items()):
        print(f"{area:10} {told(counts)}")
    total = sum(areas.values(), Counter[str]())
    print(f"{'all':10} {told(total)}")
    if survivors:
        print(f"Those that no test notices are in {MUTANTS.name}/survivors.txt.")
    if share(total) < LEAST:
        sys.exit(f"Less than {LEAST:.0%} are noticed.")


def apart() -> list[str]:
    """
    Return what runs a program among process ids of its own, where the system allows that.

    When a test's time is up, mutmut signals its process id even if that process ended long ago, and the id may be
    somebody else's by then.
    """
    unshare = ["unshare", "--user", "--map-current-user", "--pid", "--fork", "--mount-proc", "--kill-child"]
    try:
        works = subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        works = False
    return unshare if works else []


def forget_survivors() -> None:
    """Have all mutants tried again that no test noticed so far: there may be better tests now."""
    for meta in MUTANTS.rglob("*.meta"):
        kept = json.loads(meta.read_text())
        codes = kept["exit_code_by_key"]
        kept["exit_code_by_key"] = {
            name: code if status_by_exit_code[code] == "killed" else None for name, code in codes.items()
        }
        meta.write_text(json.dumps(kept))


def forget_copies() -> None:
    """Have tests, catalogues and other files copied anew: mutmut makes only sources anew."""
    shutil.rmtree(MUTANTS / "tests", ignore_errors=True)
    for path in (MUTANTS / "src").rglob("*"):
        if path.is_file() and path.suffix not in {".py", ".meta"}:
            path.unlink()


def verdicts() -> dict[str, str]:
    """Return what became of each mutant that was tried, by its name."""
    return {
        name: status_by_exit_code[code]
        for meta in MUTANTS.rglob("*.meta")
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items()
        if code is not None
    }


def area_of(name: str) -> str:
    """Return the package of a mutant, or 'reading' for the gate."""
    package, module = name.split(".")[1:3]
    return module if package == "services" else package


def share(counts: Counter[str]) -> float:
    return sum(counts[verdict] for verdict in NOTICED) / max(1, counts.total())


def told(counts: Counter[str]) -> str:
    others = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    return f"{share(counts):6.1%} of {counts.total()} noticed ({others})"


if __name__ == "__main__":
    main()
