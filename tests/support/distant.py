"""`capsule` as on another machine, which holds no instance and asks a daemon."""

import os
import subprocess
from pathlib import Path

from support.household import CAPSULE, Household


def token_of(house: Household, capsule: str, name: str) -> str:
    """The token of somebody who is invited and joins."""
    invited = house.run("invite", capsule, f"{name.lower()}@example.org")["invitations"][0]
    return house.run("join", invited["token"], "--name", name)["token"]


def distantly(
    url: str, token: str, *words: object, home: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run `capsule --json WORDS` there; `home` is where that machine keeps what it remembers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAPSULE_")}
    environment |= {
        "CAPSULE_URL": url,
        "CAPSULE_TOKEN": token,
        "CAPSULE_CONFIG": str(home / "nothing.toml"),
        "XDG_STATE_HOME": str(home / "state"),
    } | more
    return subprocess.run(
        [CAPSULE, "--json", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
