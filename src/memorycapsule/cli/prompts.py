"""What `capsule init` asks a person on a terminal: few things, each with a good answer ready."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from memorycapsule.errors import CapsuleError

if TYPE_CHECKING:
    from memorycapsule.config import Settings

#: Host, port and security of mail services, as their own help pages give them.
_SERVICES: dict[str, dict[str, Any]] = {
    "gmail": {"smtp.host": "smtp.gmail.com", "smtp.security": "starttls", "smtp.port": 587},
    "fastmail": {"smtp.host": "smtp.fastmail.com", "smtp.security": "tls", "smtp.port": 465},
    "naver": {"smtp.host": "smtp.naver.com", "smtp.security": "tls", "smtp.port": 465},
}
_HINTS = {
    "gmail": "Gmail wants an app password, not the usual one: myaccount.google.com/apppasswords",
    "fastmail": "Fastmail wants an app password: Settings, Privacy & Security.",
    "naver": "Naver wants POP3/SMTP turned on in the settings of the mail, and an app password.",
}


@dataclass(kw_only=True)
class Answers:
    """What a person said; `settings` go by dotted names."""

    admin: str | None = None
    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict, repr=False)


def ask(settings: Settings, *, admin: str | None, name: str | None) -> Answers:
    """Ask what is not known yet. A configuration file that is there already is not asked about."""
    from memorycapsule.config.sections import as_value_error
    from memorycapsule.domain.people import checked_address
    from memorycapsule.domain.zones import zone

    answers = Answers(admin=admin, name=name)
    answers.admin = admin or _asked("Your e-mail address", os.environ.get("EMAIL"), checked_address)
    answers.name = name or _asked("Your name, as the others know it", answers.admin.partition("@")[0])
    if settings.config_file and settings.config_file.exists():
        return answers
    answers.settings["zone"] = _asked("Time zone of dates", settings.zone, as_value_error(zone))
    url = _asked(
        "Address under which guests reach this machine, like https://photos.example.org (empty: none yet)", ""
    )
    if url:
        answers.settings["public_url"] = url
    answers.settings |= _mail(answers.admin)
    return answers


def _mail(address: str) -> dict[str, Any]:
    services = "/".join([*_SERVICES, "own", "none"])
    choice = _asked(f"Who sends the mail ({services})", "none", _one_of([*_SERVICES, "own", "none"]))
    if choice == "none":
        return {}
    if choice == "own":
        found: dict[str, Any] = {
            "smtp.host": _asked("Name of the mail server", None),
            "smtp.security": _asked(
                "Security (starttls/tls/none)", "starttls", _one_of(["starttls", "tls", "none"])
            ),
        }
    else:
        typer.echo(_HINTS[choice], err=True)
        found = dict(_SERVICES[choice])
    username = _asked("Login name (empty: none)", address if choice != "own" else "")
    if username:
        found["smtp.username"] = username
        found["smtp.password"] = str(typer.prompt("Password (it is not shown)", hide_input=True, err=True))
    if "@" not in username:
        found["mail.sender_address"] = address
    return found


def _one_of(words: list[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"choose one of {', '.join(words)}")
        return text

    return check


def _asked(question: str, default: str | None, check: Callable[[str], object] = str) -> str:
    while True:
        text = str(typer.prompt(question, default=default, show_default=bool(default), err=True)).strip()
        try:
            check(text)
        except (CapsuleError, ValueError) as error:
            typer.echo(f"  {error}", err=True)
        else:
            return text
