"""demo: where its command comes from."""

from __future__ import annotations

import typer

from memorycapsule.cli.demo import demo
from memorycapsule.cli.grammar import examples


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command("demo", epilog=examples("capsule demo", "capsule demo --photos ~/Pictures/summer"))(demo)
