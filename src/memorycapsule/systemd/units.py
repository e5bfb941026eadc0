"""
The units by which systemd starts an instance: their texts, made of its settings (systemd.exec(5), systemd.service(5)).

Those of the whole machine run as an account of their own and see no more than they need. In a person's own systemd
much of that cannot be had, and what can is there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from memorycapsule.config import Settings
from memorycapsule.config.sources import variable_of
from memorycapsule.errors import ConfigurationProblem

#: The first line of each file that `capsule install-service` writes; no other is ever replaced or removed.
MARK = "# Written by `capsule install-service`, which writes it anew; `capsule uninstall-service` removes it."
SERVICE = "memory-capsule.service"
TICK = "memory-capsule-tick.service"
TIMER = "memory-capsule-tick.timer"
#: Every file that may be written beside the others.
NAMES = (SERVICE, TICK, TIMER)
#: The account that the service of a whole machine gets when everything belongs to root.
ACCOUNT = "memory-capsule"
#: How often a timer looks for what is due; capsules open this late at most.
_TICK_MINUTES = 5
_STATE = Path("/var/lib")
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_DESCRIPTION = "MemoryCapsule, a time capsule for families"

#: What a service of ours never does, and may therefore not do. A person's own systemd can have these, too.
_FORBIDDEN_TO_ALL = """\
LimitCORE=0
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
# These also read whether the clock is synchronised; to set it, the service has no right.
SystemCallFilter=adjtimex clock_adjtime
UMask=0077"""
#: What only the systemd of the whole machine can take away.
_FORBIDDEN_TO_SYSTEM = """\
CapabilityBoundingSet=
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes"""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Who runs an instance, and how: all that a unit says beside the settings."""

    settings: Settings
    #: The words that start the program: its path, or Python's with `-m memorycapsule.cli`.
    program: Sequence[str]
    #: The account of a service of the whole machine; None for one of a person's own systemd.
    account: str | None
    #: Whether a timer calls `capsule tick` instead of a daemon that runs for long.
    by_timer: bool = False

    @property
    def program_paths(self) -> list[Path]:
        """Where the program lies that must be in reach of whoever runs it: its command, Python, and the package."""
        return [Path(self.program[0]), Path(sys.executable).resolve(), Path(__file__).parents[1]]

    @property
    def config_files(self) -> list[Path]:
        """The configuration, where there is a file of it, and the instance key."""
        config = self.settings.config_file
        return [*([config] if config and config.exists() else []), self.settings.key_file]

    @property
    def to_start(self) -> str:
        """The unit that is enabled and started."""
        return TIMER if self.by_timer else SERVICE


def unit_files(installation: Installation) -> dict[str, str]:
    """
    Return the texts of the units by their names.

    Raises ConfigurationProblem for something secret or personal that comes from the environment, since everybody on
    the machine may read a unit, and for a path or value that cannot stand in one.
    """
    if not installation.by_timer:
        return {SERVICE: _service(installation)}
    return {TICK: _tick(installation), TIMER: _timer()}


def _service(installation: Installation) -> str:
    wanted_by = "multi-user.target" if installation.account else "default.target"
    return _unit(
        _head(_DESCRIPTION, installation),
        [
            "Type=notify",
            "NotifyAccess=main",
            f"ExecStart={_command(installation, 'daemon')}",
            "# It reads the settings again, and goes on as it was if they are wrong. Not every machine has /bin/kill.",
            "ExecReload=/bin/sh -c 'kill -HUP $$MAINPID'",
            "Restart=always",
            "RestartSec=10",
            "# What no second try mends. A configuration may be in order later: a database that starts after us.",
            "RestartPreventExitStatus=2 8",
            "TimeoutStartSec=10min",
            "TimeoutStopSec=40",
            "WatchdogSec=2min",
            "KillMode=mixed",
            *_surroundings(installation),
        ],
        ["[Install]", f"WantedBy={wanted_by}"],
    )


def _tick(installation: Installation) -> str:
    return _unit(
        _head(f"{_DESCRIPTION}: everything that is due, once", installation),
        [
            "Type=oneshot",
            f"ExecStart={_command(installation, 'tick')}",
            "# Another command of ours was at it.",
            "SuccessExitStatus=6",
            *_surroundings(installation),
        ],
    )


def _timer() -> str:
    return _unit(
        ["[Unit]", f"Description={_DESCRIPTION}: looking for what is due"],
        [f"OnCalendar=*:0/{_TICK_MINUTES}", "AccuracySec=1s", "Persistent=yes"],
        ["[Install]", "WantedBy=timers.target"],
        kind="Timer",
    )


def _unit(head: list[str], body: list[str], *more: list[str], kind: str = "Service") -> str:
    parts = (head, [f"[{kind}]", *body], *more)
    return "\n\n".join("\n".join(part) for part in ([MARK], *parts)) + "\n"


def _head(description: str, installation: Installation) -> list[str]:
    # A person's own systemd knows nothing of the network and the clock of the machine.
    waits = (
        ["Wants=network-online.target", "After=network-online.target time-sync.target postgresql.service"]
        if installation.account
        else []
    )
    return ["[Unit]", f"Description={description}", *waits]


def _surroundings(installation: Installation) -> Iterator[str]:
    settings, account = installation.settings, installation.account
    if account:
        yield f"User={account}"
    for name, value in _environment(installation):
        yield f"Environment={_quoted(f'{name}={value}')}"
    yield "# A decoder or renderer that takes too much memory ends alone, and its file or film is said to have failed."
    yield "OOMPolicy=continue"
    if account:
        yield f"LoadCredential=instance.key:{_path(settings.key_file)}"
        for variable, file in _secret_files(settings):
            yield f"LoadCredential={variable.lower()}:{_path(file)}"
        yield from _folders(installation)
        yield _FORBIDDEN_TO_SYSTEM
    yield _FORBIDDEN_TO_ALL


def _environment(installation: Installation) -> Iterator[tuple[str, str]]:
    """Yield what the service would not know by itself: what comes neither from config.toml nor from the program."""
    settings, shown = installation.settings, installation.settings.shown()
    for key, origin in settings.origins.items():
        variable = variable_of(key)
        if installation.account and key == "key_file":
            continue  # a credential
        if origin == f"environment {variable}":
            if key in settings.SECRETS or (key == "store_url" and shown[key] != settings.store_url):
                raise ConfigurationProblem("service_secret_in_environment", key=key, variable=variable)
            if key in settings.PERSONAL:
                raise ConfigurationProblem("service_personal_in_environment", key=key, variable=variable)
            yield variable, shown[key]
        elif origin == "default" and key == "data_dir":  # which depends on who asks
            yield variable, shown[key]
    if not installation.account:
        yield from ((f"{variable}_FILE", str(file)) for variable, file in _secret_files(settings))


def _secret_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the files that variables name, such as CAPSULE_SMTP__PASSWORD_FILE, with what these would be without."""
    for key, origin in settings.origins.items():
        variable = variable_of(key)
        if origin.endswith(end := f" ({variable}_FILE)"):
            yield variable, Path(origin.removeprefix("file ").removesuffix(end)).absolute()


def _folders(installation: Installation) -> Iterator[str]:
    """Yield which folders the service of a whole machine sees and writes to."""
    settings = installation.settings
    written = {settings.data_dir}
    if settings.database_path:
        written.add(settings.database_path.parent)
    if settings.used_blobs_url.startswith("file://"):
        written.add(Path(settings.used_blobs_url.removeprefix("file://")))
    outside = sorted(
        one for one in written if one == settings.data_dir or settings.data_dir not in one.parents
    )
    if settings.data_dir.parent == _STATE and re.fullmatch(r"[A-Za-z0-9._-]+", settings.data_dir.name):
        yield f"StateDirectory={settings.data_dir.name}"
        yield "StateDirectoryMode=0700"
        outside.remove(settings.data_dir)
    if outside:
        yield "ReadWritePaths=" + " ".join(_quoted(str(one)) for one in outside)
    seen = [*outside, *installation.program_paths, *installation.config_files[:-1]]
    in_homes = any(home in one.parents for one in seen for home in _HOMES)
    yield f"ProtectHome={'read-only' if in_homes else 'yes'}"


def _command(installation: Installation, name: str) -> str:
    """Return the command line of a unit; systemd looks for variables in it as well."""
    *config, _key = installation.config_files
    words = [*installation.program, *(word for path in config for word in ("--config", str(path))), name]
    return " ".join(_quoted(word).replace("$", "$$") for word in words)


def _quoted(text: str) -> str:
    """Return a word of a unit: in quotes where it needs them, without specifiers (systemd.syntax(7))."""
    if not text.isprintable():
        raise ConfigurationProblem("service_unprintable", text=text)
    text = text.replace("%", "%%")
    if re.fullmatch(r"[\w@%+=:,./-]+", text, re.ASCII):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _path(path: Path) -> str:
    """Return a path that ends a line; there systemd knows no quotes, but specifiers."""
    if not str(path).isprintable():
        raise ConfigurationProblem("service_unprintable", text=str(path))
    return str(path).replace("%", "%%")
