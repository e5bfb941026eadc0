"""What `capsule init` asks a person on a terminal: five things, each with a good answer ready, and checked at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from memorycapsule.cli.sentences import spoken
from memorycapsule.errors import CapsuleError, ConfigurationProblem, UsageProblem
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


#: Settings by dotted names.
Found = dict[str, Any]


@dataclass(kw_only=True)
class Answers:
    """What a person said."""

    admin: str
    settings: Found = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What is tried of an answer on this machine. Each of these raises CapsuleError when it does not work."""

    #: Takes settings that are there alone or together.
    settings: Callable[[Found], object]
    #: Sends a test letter to an address with these settings.
    mail: Callable[[Found, str], None]
    #: Whether the program can listen on a port.
    port: Callable[[str], object]
    #: Whether there can be an instance in a folder. Returns how many bytes are free there.
    folder: Callable[[str], int]


def ask(
    words: Wording, settings: Settings, checks: Checks, *, admin: str | None, folder: Path, port: int
) -> Answers:
    """
    Ask what is not known yet; an answer that cannot be used is asked for again at once.

    `folder` and `port` are good answers. A configuration file that is there already is not asked about, nor is what
    the environment says.
    """
    from memorycapsule.domain.people import checked_address
    from memorycapsule.domain.zones import zone

    def asked(key: str, default: str | None, check: Callable[[str], object] = str, **values: object) -> str:
        return _asked(words, words(key, **values), default, check)

    def setting(name: str) -> Callable[[str], object]:
        return lambda text: checks.settings({name: text} if text else {})

    answers = Answers(admin=admin or asked("cli_ask_address", os.environ.get("EMAIL"), checked_address))
    if settings.config_file and settings.config_file.exists():
        return answers
    found = answers.settings
    found |= _working_mail(words, asked, setting, checks, answers.admin)
    if url := asked("cli_ask_public_url", "", setting("public_url")):
        found["public_url"] = url
    if settings.origins["daemon.port"] == "default":
        chosen = int(asked("cli_ask_port", str(port), checks.port))
        found |= {} if chosen == settings.daemon.port else {"daemon.port": chosen}
    found["zone"] = asked("cli_ask_zone", settings.zone, zone)
    place = str(settings.data_dir)
    if settings.origins["data_dir"] == "default":
        place = asked("cli_ask_folder", str(folder), checks.folder)
        found |= {} if Path(place).expanduser() == settings.data_dir else {"data_dir": place}
    typer.echo(words("cli_ask_room", gigabytes=f"{checks.folder(place) / 10**9:,.1f}"), err=True)
    return answers


def confirm(words: Wording, question: str, *, default: bool) -> None:
    """Ask a question of yes or no on the terminal; Enter alone is the default. Raises Abort for no."""
    if not agrees(words, question, default=default):
        raise typer.Abort


def agrees(words: Wording, question: str, *, default: bool) -> bool:
    """Ask a question of yes or no on the terminal; Enter alone is the default."""
    choices = words("cli_confirm_yes" if default else "cli_confirm_no")
    while True:
        answer = str(typer.prompt(f"{question} {choices}", default="", show_default=False, err=True))
        answer = answer.strip().lower()
        if not answer:
            return default
        if answer in words("cli_words_for_yes").split():
            return True
        if answer in words("cli_words_for_no").split():
            return False
        typer.echo(words("cli_confirm_again"), err=True)


def _working_mail(
    words: Wording,
    asked: Callable[..., str],
    setting: Callable[[str], Callable[[str], object]],
    checks: Checks,
    address: str,
) -> Found:
    """Ask about the mail server until a test letter leaves, or the person says that the settings are right."""
    while True:
        mail = _mail(words, asked, setting, address)
        try:
            checks.settings(mail)  # what goes wrong only together, such as a login without a password
            if mail:
                typer.echo(words("cli_ask_trial", address=address), err=True)
                checks.mail(mail, address)
        except CapsuleError as error:
            typer.echo(f"  {spoken(error, words)}", err=True)
            # Settings that cannot be kept are asked for again.
            is_usable = (
                not isinstance(error, UsageProblem | ConfigurationProblem) or error.code == "mail_refused"
            )
            if not (is_usable and agrees(words, words("cli_ask_keep"), default=False)):
                continue
        else:
            if mail:
                typer.echo(words("cli_ask_trial_sent", address=address), err=True)
        return mail


def _mail(
    words: Wording,
    asked: Callable[..., str],
    setting: Callable[[str], Callable[[str], object]],
    address: str,
) -> Found:
    services = [*_SERVICES, "own", "none"]
    choice = asked("cli_ask_mail", "none", _one_of(services), services="/".join(services))
    if choice == "none":
        return {}
    if choice == "own":
        host = asked("cli_ask_mail_host", None, setting("smtp.host"))
        security = asked("cli_ask_mail_security", "starttls", _one_of([*_PORTS]))
        port = asked("cli_ask_mail_port", _PORTS[security], setting("smtp.port"))
        found: Found = {"smtp.host": host, "smtp.security": security, "smtp.port": int(port)}
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
            is_setting = error.reason in {"setting_wrong", "setting_value_wrong"}
            problem = error.values["problem"] if is_setting else error
            typer.echo(
                f"  {spoken(problem if isinstance(problem, CapsuleError) else error, words)}", err=True
            )
        else:
            return text
