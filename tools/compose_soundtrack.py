"""
Compose and synthesise a theme's soundtrack with nothing but NumPy.

    python tools/compose_soundtrack.py THEME [OUT.m4a]

The scores are in `tools/soundtracks/`. The music and these programs are CC0.
"""

import importlib
import sys
from pathlib import Path

THEMES = Path(__file__).resolve().parent.parent / "src/memorycapsule/themes"
SCORES = sorted(path.name for path in THEMES.iterdir() if (path / "theme.toml").exists())


def main() -> None:
    if len(sys.argv) not in {2, 3} or sys.argv[1] not in SCORES:
        sys.exit(f"usage: compose_soundtrack.py {'|'.join(SCORES)} [OUT.m4a]")
    theme = sys.argv[1]
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else THEMES / theme / "soundtrack.m4a"
    importlib.import_module(f"soundtracks.{theme}").PIECE.write(out)


if __name__ == "__main__":
    main()
