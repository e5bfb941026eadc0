"""The door: one run of the command line, what was said to all commands, and how they reach the instance."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import typer

from memorycapsule.cli.environment import TOKEN_VARIABLE, URL_VARIABLE, refuse_elsewhere
from memorycapsule.cli.output import Output
from memorycapsule.errors import NotAllowed, UsageProblem
from memorycapsule.journal import journal
from memorycapsule.words.languages import known, languages

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.cli.instance import AnyInstance
    from memorycapsule.config import Settings
    from memorycapsule.domain.stories import Viewer
    from memorycapsule.store.transactions import Store


class Door:
    """What every command gets as `ctx.obj`."""

    def __init__(self, out: Output) -> None:
        self.out = out
        self.config_file: Path | None = None
        self.acting_as: str | None = None
        #: Whether --json stood before the command's name.
        self.json_at_front = False
        #: The language of what is said when no --lang follows the command's name.
        self.language_at_front = out.language

    def take(self, name: str, value: Any) -> None:
        """Take one of the options that stand before or after a command's name."""
        match name:
            case "config":
                self.config_file = value
            case "acting_as":
                self.acting_as = value
            case "as_json":
                self.out.as_json = value
            case "quiet":
                self.out.is_quiet = value
            case "no_progress":
                self.out.shows_progress = not value
            case "verbose":
                self.out.is_verbose = value
            case "lang":
                self.out.language = language_named(value)

    def settings(
        self,
        overrides: Mapping[str, Any] = MappingProxyType({}),
        *,
        file_must_exist: bool = True,
        adds_for_others: bool = False,
    ) -> Settings:
        """Read the settings. Raises NotAllowed for --as where it does not belong, and what `config.load` does."""
        from memorycapsule import config

        if not adds_for_others:
            self.refuse_acting_as()
        return config.load(config_file=self.config_file, overrides=overrides, file_must_exist=file_must_exist)

    def refuse_acting_as(self) -> None:
        """Raise NotAllowed for --as, which only adds stories."""
        if self.acting_as is not None:
            raise NotAllowed("acting_as_only_adds")

    @contextmanager
    def open(
        self,
        settings: Settings | None = None,
        *,
        adds_for_others: bool = False,
        may_lack_files: bool = False,
    ) -> Iterator[App]:
        """
        Open the instance on this machine.

        Raises what `app.open_app` does, and NotAllowed when another is meant, or for root where it is somebody else's.
        """
        from memorycapsule.app import open_app

        refuse_elsewhere()
        settings = settings or self.settings(adds_for_others=adds_for_others)
        _refuse_root_for_others(settings)
        journal.set_up_with(self._set_up_journal)
        with open_app(settings, may_lack_files=may_lack_files) as app:
            yield app

    @contextmanager
    def instance(self, *, adds_for_others: bool = False) -> Iterator[AnyInstance]:
        """
        Open the instance that is meant: that of the daemon that CAPSULE_URL names, otherwise the one on this machine.

        Raises UsageProblem for a daemon without a token, NotAllowed for --as where it does not belong, and what
        `open` does.
        """
        url = os.environ.get(URL_VARIABLE)
        if url is None:
            from memorycapsule.cli.local.instance import LocalInstance

            with self.open(adds_for_others=adds_for_others) as app:
                yield LocalInstance(app, self.viewer(app.store), self.out, acting_as=self.acting_as)
            return
        self.refuse_acting_as()
        token = os.environ.get(TOKEN_VARIABLE)
        if token is None:
            raise UsageProblem("token_missing", url=URL_VARIABLE, token=TOKEN_VARIABLE)
        from memorycapsule.cli.distant.instance import DistantInstance

        with DistantInstance(url, token, self.out) as there:
            yield there

    @contextmanager
    def store(self, settings: Settings | None = None, *, checked: bool = True) -> Iterator[Store]:
        """Open the database alone, for what needs no key."""
        from memorycapsule.app import open_store

        refuse_elsewhere()
        settings = settings or self.settings()
        _refuse_root_for_others(settings)
        with open_store(settings, checked=checked) as store:
            yield store

    def viewer(self, store: Store) -> Viewer:
        """Return who acts: the owner of CAPSULE_TOKEN, otherwise the admin."""
        from memorycapsule.services import sessions

        # An empty one is the mistake of a script, and must not make an admin of it.
        token = os.environ.get(TOKEN_VARIABLE)
        return sessions.host_viewer(store) if token is None else sessions.viewer_with_token(store, token)

    def _set_up_journal(self) -> None:
        """Send the journal to stderr, with -v only: commands say in sentences what matters."""
        import logging
        import sys

        import structlog

        from memorycapsule.daemon.logs import EVERY_LINE

        level = logging.INFO if self.out.is_verbose else logging.CRITICAL
        structlog.configure(
            # It may go into the journal of a machine, from a timer, and tells no more there than the daemon does.
            processors=[*EVERY_LINE, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=False,
        )


def _refuse_root_for_others(settings: Settings) -> None:
    """
    Raise NotAllowed for root in a data folder of another account, which could not read what root writes there.

    An owner without a name is one that a container does not know; there root is whoever works in it.
    """
    import pwd

    try:
        owner = settings.data_dir.stat().st_uid
        account = pwd.getpwuid(owner).pw_name
    except (OSError, KeyError):
        return
    if os.geteuid() == 0 and owner != 0:
        raise NotAllowed("folder_of_other_account", folder=settings.data_dir, account=account)


def door_of(ctx: typer.Context) -> Door:
    """Return the door of this run."""
    return cast("Door", ctx.obj)


def language_named(name: str) -> str:
    """Return the language that --lang means. Raises UsageProblem, which names those there are."""
    if language := known(name):
        return language
    raise UsageProblem("terminal_language_unknown", language=name, languages=languages())


def is_interactive(door: Door) -> bool:
    """Say whether a person sits there who can be asked something."""
    import sys

    return not door.out.as_json and sys.stdin.isatty() and sys.stderr.isatty()
