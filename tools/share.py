"""
Writes `deploy/share`: the manual page in each language, and completion for bash, zsh and fish.

    .venv/bin/python tools/share.py

`tests/integration/cli/test_share.py` fails when it is not up to date.
"""

from __future__ import annotations

from pathlib import Path

from memorycapsule import cli

SHARE = Path(__file__).parents[1] / "deploy" / "share"


def main() -> None:
    for name, text in cli.shared_files().items():
        path = SHARE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
