"""Recovery keys: a new one, said for good before anything depends on it, and one that somebody types."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import is_interactive
from memorycapsule.cli.typed import read_text
from memorycapsule.errors import ConfigurationProblem, UsageProblem, system_problem

if TYPE_CHECKING:
    from memorycapsule.cli.door import Door
    from memorycapsule.config import Settings

RecoveryRecipientOption = Annotated[
    str | None,
    typer.Option("--recovery-recipient", metavar="age1...", help="Use an age key that you have already."),
]
NewRecoveryFileOption = Annotated[
    Path | None,
    typer.Option(
        "--recovery-file", metavar="FILE", help="Write the recovery key there instead of showing it."
    ),
]
RecoveryFileOption = Annotated[
    Path | None,
    typer.Option("--recovery-file", metavar="FILE", help="File that holds the recovery key; - is stdin."),
]
_TITLE = "MemoryCapsule recovery key: print it, keep it far from the machine"


@dataclass(frozen=True, kw_only=True)
class RecoveryKey:
    """A recovery key that is about to be used."""

    recipient: str
    #: The private half, when it is to be shown once.
    identity: str | None = field(default=None, repr=False)
    #: Where the private half has been written.
    file: Path | None = None

    @property
    def answer(self) -> dict[str, str | None]:
        """What programs read of it."""
        return {
            "recipient": self.recipient,
            "key": self.identity,
            "file": str(self.file) if self.file else None,
        }

    def show(self, door: Door) -> None:
        """
        Show it to a person, and have all that was said so far arrive.

        To be called before the store depends on the key: rather a key too many on paper than one that nobody has
        seen. Raises CapsuleError or BrokenPipeError when it did not arrive.
        """
        if self.identity:
            door.out.show(f"{door.out.words('cli_init_recovery_key')}\n\n  {self.identity}\n")
        door.out.deliver()


def recovery_key(
    door: Door, settings: Settings, *, recipient: str | None, file: Path | None, usual_file: Path
) -> RecoveryKey:
    """
    Return the recovery key of `recipient`, or of `file`, which is written if it is not there; otherwise a new one.

    A new one is to be shown where a person or a program reads along, else it is written to `usual_file`. Raises
    UsageProblem, ConfigurationProblem or DiskFull.
    """
    from memorycapsule.seal.envelopes import recipient_of, valid_recipient
    from memorycapsule.seal.keys import new_recovery_key, parse_recovery_key, write_key_file

    refuse_both(recipient, file)
    if recipient:
        return RecoveryKey(recipient=valid_recipient(recipient))
    if file is None and not _is_read_once(door):
        file = usual_file
    if file is None:
        identity, public = new_recovery_key()
        return RecoveryKey(recipient=public, identity=identity)
    file = file.expanduser().absolute()
    if file.resolve().is_relative_to(settings.data_dir.resolve()):
        raise UsageProblem("recovery_key_inside")
    if file.exists():
        # Of a run that was cut off, or a key that somebody has already: it is taken as it is.
        try:
            return RecoveryKey(recipient=recipient_of(parse_recovery_key(file.read_text("utf-8"))), file=file)
        except (OSError, UnicodeDecodeError, UsageProblem) as error:
            raise ConfigurationProblem("init_no_recovery_key", file=file) from error
    identity, public = new_recovery_key()
    write_key_file(file, identity, title=_TITLE)
    return RecoveryKey(recipient=public, file=file)


def refuse_both(recipient: str | None, file: Path | None) -> None:
    """Raise UsageProblem when two recovery keys are asked for."""
    if recipient and file:
        raise UsageProblem("recovery_both")


def typed_recovery_key(door: Door, file: Path | None) -> str:
    """Return what somebody says is the recovery key: from a file, or typed and not shown, or from stdin."""
    if file is not None and str(file) != "-":
        try:
            return file.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigurationProblem(
                "recovery_key_unreadable", file=file, problem=system_problem(error)
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigurationProblem("recovery_key_no_text", file=file) from error
    if file is None and is_interactive(door):
        return str(typer.prompt(door.out.words("cli_ask_recovery_key"), hide_input=True, err=True))
    return read_text()


def _is_read_once(door: Door) -> bool:
    """
    Tell whether what is said is read now, and by somebody.

    Sentences that go to no terminal may be kept for ever, as a log is. What goes to the null device, as a closed
    stdout does, is read by nobody.
    """
    if not door.out.as_json:
        return sys.stdout.isatty()
    try:
        found = os.fstat(sys.stdout.fileno())
    except OSError:  # a stream of this process's own
        return True
    return not (stat.S_ISCHR(found.st_mode) and found.st_rdev == Path(os.devnull).stat().st_rdev)
