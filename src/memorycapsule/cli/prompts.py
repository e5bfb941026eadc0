"""What `capsule init` asks a person on a terminal: few things, each with a good answer ready."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from memorycapsule.cli.sentences import spoken
from memorycapsule.errors import CapsuleError, UsageProblem
from memorycapsule.words.catalogues import Wording

if TYPE_CHECKING:
    from memorycapsule.config import Settings

#: Host, port and security of mail services, as their own help pages give them.
_SERVICES: dict[str, dict[str, Any]] = {
    "gmail": {"smtp.host": "smtp.gmail.com", "smtp.security": "starttls", "smtp.port": 587},
    "fastmail": {"smtp.host": "smtp.fastmail.com", "smtp.security": "tls", "smtp.port": 465},
    "naver": {"smtp.host": "smtp.naver.com", "smtp.security": "tls", "smtp.port": 465},
}
#: The port that mail servers listen on, by security (RFC 8314, 3).
_PORTS = {"starttls": "587", "tls": "465", "none": "25"}
#: What each of them wants to be done first.
_HINTS = {"gmail": "cli_ask_gmail", "fastmail": "cli_ask_fastmail", "naver": "cli_ask_naver"}


@dataclass(kw_only=True)
class Answers:
    """What a person said; `settings` go by dotted names."""

    admin: str | None = None
    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict, repr=False)


#: Takes settings by dotted names. Raises ConfigurationProblem for those that cannot be used.
CheckSettings = Callable[[dict[str, Any]], object]


def ask(
    words: Wording, settings: Settings, check_settings: CheckSettings, *, admin: str | None, name: str | None
) -> Answers:
    """
    Ask what is not known yet; an answer that cannot be used is asked for again at once.

    A configuration file that is there already is not asked about.
    """
    from memorycapsule.domain.people import checked_address, checked_name
    from memorycapsule.domain.zones import zone

    def asked(key: str, default: str | None, check: Callable[[str], object] = str, **values: object) -> str:
        return _asked(words, words(key, **values), default, check)

    def setting(name: str) -> Callable[[str], object]:
        return lambda text: check_settings({name: text} if text else {})

    answers = Answers(admin=admin, name=name)
    answers.admin = admin or asked("cli_ask_address", os.environ.get("EMAIL"), checked_address)
    answers.name = name or asked("cli_ask_name", answers.admin.partition("@")[0], checked_name)
    if settings.config_file and settings.config_file.exists():
        return answers
    answers.settings["zone"] = asked("cli_ask_zone", settings.zone, zone)
    if url := asked("cli_ask_public_url", "", setting("public_url")):
        answers.settings["public_url"] = url
    while True:
        mail = _mail(words, asked, setting, answers.admin)
        try:
            check_settings(answers.settings | mail)
        except CapsuleError as error:  # what goes wrong only together, such as a login without a password
            typer.echo(f"  {spoken(error, words)}", err=True)
        else:
            answers.settings |= mail
            return answers


def confirm(words: Wording, question: str, *, default: bool) -> None:
    """Ask a question of yes or no on the terminal; Enter alone is the default. Raises Abort for no."""
    choices = words("cli_confirm_yes" if default else "cli_confirm_no")
    while True:
        answer = str(typer.prompt(f"{question} {choices}", default="", show_default=False, err=True))
        answer = answer.strip().lower()
        if answer in words("cli_words_for_yes").split() or (default and not answer):
            return
        if answer in words("cli_words_for_no").split() or not answer:
            raise typer.Abort
        typer.echo(words("cli_confirm_again"), err=True)


def _mail(
    words: Wording,
    asked: Callable[..., str],
    setting: Callable[[str], Callable[[str], object]],
    address: str,
) -> dict[str, Any]:
    services = [*_SERVICES, "own", "none"]
    choice = asked("cli_ask_mail", "none", _one_of(services), services="/".join(services))
    if choice == "none":
        return {}
    if choice == "own":
        host = asked("cli_ask_mail_host", None, setting("smtp.host"))
        security = asked("cli_ask_mail_security", "starttls", _one_of([*_PORTS]))
        port = asked("cli_ask_mail_port", _PORTS[security], setting("smtp.port"))
        found: dict[str, Any] = {"smtp.host": host, "smtp.security": security, "smtp.port": int(port)}
    else:
        typer.echo(words(_HINTS[choice]), err=True)
        found = dict(_SERVICES[choice])
    username = asked("cli_ask_login", address if choice != "own" else "")
    if username:
        found["smtp.username"] = username
        found["smtp.password"] = str(typer.prompt(words("cli_ask_password"), hide_input=True, err=True))
    if "@" not in username:
        found["mail.sender_address"] = address
    return found


def _one_of(choices: list[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise UsageProblem("answer_not_offered", choices=choices)
        return text

    return check


def _asked(words: Wording, question: str, default: str | None, check: Callable[[str], object]) -> str:
    while True:
        text = str(typer.prompt(question, default=default, show_default=bool(default), err=True)).strip()
        try:
            check(text)
        except CapsuleError as error:
            # Nobody has typed the name of a setting here.
            problem = error.values.get("problem", error) if error.code == "configuration" else error
            typer.echo(
                f"  {spoken(problem if isinstance(problem, CapsuleError) else error, words)}", err=True
            )
        else:
            return text
