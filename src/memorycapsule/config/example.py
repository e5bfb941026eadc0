"""Settings as a config.toml that people can read and edit."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic.fields import FieldInfo

from memorycapsule.config.settings import fields, sections
from memorycapsule.errors import ConfigurationProblem, DiskFull, is_disk_full, system_problem

_HEAD = """\
# MemoryCapsule's settings. A setting behind # shows its default, or an example where there is none or it
# depends on the machine. Each can also be a variable (CAPSULE_SMTP__HOST) or a file that a variable names
# (CAPSULE_SMTP__PASSWORD_FILE). `capsule config show` tells what holds and where it comes from.
"""

_SECTION = re.compile(r"^([ \t]*\[)", re.MULTILINE)


def example_toml(values: Mapping[str, Any] = MappingProxyType({})) -> str:
    """
    Return config.toml with every setting explained, and those in `values` set.

    The keys of `values` are dotted names ({"smtp.host": "mail.example.org"}). Raises ConfigurationProblem for a name
    that is no setting.
    """
    settings = fields()
    if unknown := set(values) - set(settings):
        raise ConfigurationProblem("setting_unknown_here", key=min(unknown))
    lines, section = [_HEAD], ""
    for key, info in settings.items():
        here, _, name = key.rpartition(".")
        if here != section:
            section = here
            lines.append(f"\n# {sections()[section]}\n[{section}]\n")
        assignment = (
            f"{name} = {_toml(values[key])}" if key in values else f"# {name} = {_toml(_sample(info))}"
        )
        lines.append(f"# {info.description}\n{assignment}\n")
    return "\n".join(lines)


def write_config(path: Path, values: Mapping[str, Any]) -> None:
    """
    Write a commented config.toml with `values` set (see `example_toml`): mode 0600, whole or not at all.

    Raises ConfigurationProblem when there is a file already (it is never overwritten) or it cannot be
    written, DiskFull when there is no room.
    """
    text = example_toml(values)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The name is reserved first, so that no file is replaced. The content arrives by a rename, so that nobody
        # reads half of it.
        os.close(_reserved(path))
        try:
            _fill(path, text)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise ConfigurationProblem("config_not_written", file=path, problem=system_problem(error)) from error


def change_config(path: Path, key: str, value: Any) -> None:
    """
    Set one setting without a section in a config.toml, and leave the rest as it is, comments included.

    Raises ConfigurationProblem when the file cannot be read or written, DiskFull when there is no room.
    """
    line = f"{key} = {_toml(value)}"
    name = re.escape(key)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # What stands before the first section belongs to none.
        head, bracket, rest = _SECTION.split(text, maxsplit=1) if _SECTION.search(text) else (text, "", "")
        for old in (rf"^[ \t]*{name}[ \t]*=.*$", rf"^# {name} = .*$"):
            head, changed = re.subn(old, lambda _found: line, head, count=1, flags=re.MULTILINE)
            if changed:
                break
        else:
            head = f"{head.rstrip()}\n\n{line}\n\n\n" if head.strip() else f"{line}\n\n"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _fill(path, f"{head}{bracket}{rest}")
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise ConfigurationProblem("config_not_written", file=path, problem=system_problem(error)) from error


def _reserved(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationProblem("config_there_already", file=path) from error


def _fill(path: Path, text: str) -> None:
    # NamedTemporaryFile makes files of mode 0600.
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sample(info: FieldInfo) -> Any:
    return info.examples[0] if info.examples else info.default


def _toml(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    # A JSON string is a TOML basic string but for DEL, which TOML wants escaped (TOML 1.0, "String").
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
