"""
The sources of settings, strongest first: flags, `CAPSULE_*` variables, secret files, config.toml, defaults.

A secret file is one that a variable `CAPSULE_..._FILE` names. In systemd's `$CREDENTIALS_DIRECTORY` and in /run/secrets
(Docker) it is a file with a setting's name: `capsule_smtp__password` or `smtp_password`. The instance key itself may
lie there as `instance.key` or `capsule_instance.key`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import platformdirs
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import PydanticBaseSettingsSource

from memorycapsule.config.sections import WrongSetting
from memorycapsule.config.settings import APPLICATION, Settings, fields, sections, usual_data_dir
from memorycapsule.domain.people import printable
from memorycapsule.domain.zones import zone
from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    NotInitialised,
    UsageProblem,
    system_problem,
)
from memorycapsule.words.languages import language_of_environment

SYSTEM_CONFIG_FILE = Path("/etc") / APPLICATION / "config.toml"
#: Where the data of such a configuration belongs (Filesystem Hierarchy Standard 3.0, 5.8).
SYSTEM_DATA_DIR = Path("/var/lib") / APPLICATION
DOCKER_SECRETS = Path("/run/secrets")
#: Secrets that are no setting's value, but the instance key itself.
_KEY_FILES = frozenset({"instance.key", "capsule_instance.key"})

_PREFIX = "CAPSULE_"
# Variables of the command line and of the tests, which are no settings.
_NOT_SETTINGS = frozenset({"CAPSULE_CONFIG", "CAPSULE_TOKEN", "CAPSULE_URL"})
_NOT_SETTINGS_PREFIX = "CAPSULE_TEST_"


@dataclass(frozen=True, kw_only=True)
class FoundSettings:
    """A value and its origin."""

    value: Any
    origin: str


class SettingsLayer(PydanticBaseSettingsSource):
    """One source: the values that it sets, by dotted name."""

    def __init__(self, found: Mapping[str, FoundSettings]) -> None:
        super().__init__(Settings)
        self.found = {key: one for key, one in found.items() if one.value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - theirs
        """Return what was found for one top-level name, as pydantic-settings asks for it."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return everything found, nested."""
        nested: dict[str, Any] = {}
        for key, one in self.found.items():
            *section, name = key.split(".")
            inner = nested
            for part in section:
                inner = inner.setdefault(part, {})
            inner[name] = one.value
        return nested


def load(
    *,
    config_file: Path | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
    environment: Mapping[str, str] = os.environ,
    file_must_exist: bool = True,
    docker_secrets: Path = DOCKER_SECRETS,
) -> Settings:
    """
    Read the settings, once.

    `config_file` is the flag `--config`. `overrides` are other flags by dotted name ("daemon.port"); None is a flag
    that was not used. `file_must_exist=False` is for `capsule init`, which writes the named file later.

    Raises ConfigurationProblem, which names the setting, the place and what is right;
    NotInitialised when a file was named that does not exist.
    """
    path, is_named = _find_config_file(config_file, environment)
    layers = (
        SettingsLayer({key: FoundSettings(value=value, origin="flag") for key, value in overrides.items()}),
        SettingsLayer(dict(_from_environment(environment))),
        SettingsLayer(dict(_from_named_files(environment))),
        SettingsLayer(dict(_from_secret_folders(environment, docker_secrets))),
        SettingsLayer(dict(_from_config_file(path, must_exist=is_named and file_must_exist))),
        SettingsLayer(dict(_from_this_machine(path, environment))),
    )
    _refuse_unknown_variables(environment)
    _refuse_unknown(layers)
    found = {key: one for layer in reversed(layers) for key, one in layer.found.items()}
    try:
        # Not in the signature that type checkers see: the sources that pydantic-settings merges, strongest first.
        merged: Callable[..., Settings] = Settings
        settings = merged(_build_sources=(layers, {}))
    except ValidationError as error:
        raise _problem(error.errors(include_url=False)[0], found) from error
    settings.note_sources(
        config_file=path,
        origins={key: found[key].origin if key in found else "default" for key in fields()},
    )
    return settings


def usual_config_file() -> Path:
    """Return where a person's config.toml lies when none is named."""
    return platformdirs.user_config_path(APPLICATION) / "config.toml"


def variable_of(key: str) -> str:
    """Return the variable of a setting: "smtp.host" -> "CAPSULE_SMTP__HOST"."""
    return _PREFIX + key.replace(".", "__").upper()


def _find_config_file(flag: Path | None, environment: Mapping[str, str]) -> tuple[Path, bool]:
    named = flag or environment.get("CAPSULE_CONFIG")
    if named:
        return Path(named).expanduser().absolute(), True
    usual = usual_config_file()
    return (SYSTEM_CONFIG_FILE if SYSTEM_CONFIG_FILE.exists() and not usual.exists() else usual), False


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, FoundSettings]]:
    for key in fields():
        # Compose files pass unset variables on as empty ones.
        if value := environment.get(variable_of(key)):
            yield key, FoundSettings(value=value, origin=f"environment {variable_of(key)}")


def _from_named_files(environment: Mapping[str, str]) -> Iterator[tuple[str, FoundSettings]]:
    for key in fields():
        variable = f"{variable_of(key)}_FILE"
        if named := environment.get(variable):
            path = Path(named).expanduser()
            yield key, FoundSettings(value=_secret(path, variable), origin=f"file {path} ({variable})")


def _from_secret_folders(environment: Mapping[str, str], docker: Path) -> Iterator[tuple[str, FoundSettings]]:
    names = {name: key for key in fields() for name in _secret_names(key)}
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    # The weaker folder comes first, since a later value replaces an earlier one.
    for folder in (docker, Path(credentials) if credentials else None):
        try:
            paths = sorted(folder.iterdir()) if folder and folder.is_dir() else []
        except PermissionError:
            continue  # the folder holds other programs' secrets; ours would be readable
        for path in paths:
            if key := names.get(path.name.lower()):
                yield key, FoundSettings(value=_secret(path, str(folder)), origin=f"file {path}")
            elif path.name in _KEY_FILES:
                yield "key_file", FoundSettings(value=path, origin=f"file {path}")


def _secret_names(key: str) -> Iterator[str]:
    yield variable_of(key).lower()
    # A name without a section ("zone") is too common for a folder that programs share.
    if "." in key:
        yield key.replace(".", "__")
        yield key.replace(".", "_")
        yield f"capsule_{key.replace('.', '_')}"


def _secret(path: Path, place: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationProblem(
            "secret_unreadable", file=path, place=place, problem=_cause(error)
        ) from error


def _from_config_file(path: Path, *, must_exist: bool) -> Iterator[tuple[str, FoundSettings]]:
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError as error:
        if must_exist:
            raise NotInitialised("config_missing", file=path) from error
        return
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationProblem("config_not_toml", file=path, problem=_cause(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationProblem("config_unreadable", file=path, problem=_cause(error)) from error
    except (ValueError, RecursionError) as error:
        # A number with thousands of digits, or thousands of brackets in each other.
        problem = CapsuleError("toml_out_of_bounds")
        raise ConfigurationProblem("config_not_toml", file=path, problem=problem) from error
    settings = fields()
    for key, value in _flattened(table):
        if key in sections() and not isinstance(value, dict):
            raise ConfigurationProblem("setting_is_section", key=key, file=path)
        if value == "":
            continue  # nothing, as with variables
        is_path = key in settings and _is_path(settings[key]) and isinstance(value, str)
        # The working directory differs from start to start, so paths in the file are relative to the file.
        yield (
            key,
            FoundSettings(
                value=path.parent / Path(value).expanduser() if is_path else value, origin=str(path)
            ),
        )


def _flattened(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if name in sections() and isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value


def _from_this_machine(path: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, FoundSettings]]:
    yield "data_dir", FoundSettings(value=usual_data_dir(), origin="default")
    yield "key_file", FoundSettings(value=path.parent / "instance.key", origin="default")
    yield "zone", FoundSettings(value=_machine_zone(environment), origin="default")
    yield "locale", FoundSettings(value=language_of_environment(environment), origin="default")


def _machine_zone(environment: Mapping[str, str]) -> str:
    link = os.path.realpath("/etc/localtime")
    for name in (environment.get("TZ", "").lstrip(":"), link.partition("/zoneinfo/")[2]):
        try:
            return "UTC" if name == "Etc/UTC" else zone(name).key or "UTC"
        except UsageProblem:
            continue  # TZ may hold a rule instead of a name, /etc/localtime may be a copy
    return "UTC"


def _refuse_unknown(layers: tuple[SettingsLayer, ...]) -> None:
    known = fields()
    for layer in layers:
        for key, one in layer.found.items():
            if key not in known:
                if close := _like(key, known):
                    raise ConfigurationProblem("setting_unknown_like", key=key, place=one.origin, like=close)
                raise ConfigurationProblem("setting_unknown", key=key, place=one.origin)


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    variables = {variable_of(key) for key in fields()}
    variables |= {f"{name}_FILE" for name in variables}
    for name in environment:
        is_ours = name.startswith(_PREFIX) and not name.startswith(_NOT_SETTINGS_PREFIX)
        if is_ours and name not in _NOT_SETTINGS and name not in variables:
            if close := _like(name, sorted(variables)):
                raise ConfigurationProblem("variable_unknown_like", variable=name, like=close)
            raise ConfigurationProblem("variable_unknown", variable=name)


def _like(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def _problem(error: ErrorDetails, found: Mapping[str, FoundSettings]) -> ConfigurationProblem:
    """Return what pydantic found wrong: the setting, its origin, and what would be right."""
    key = ".".join(str(part) for part in error["loc"])
    cause = error.get("ctx", {}).get("error")
    problem = cause.problem if isinstance(cause, WrongSetting) else None
    info = fields().get(key)
    if info is None:
        if problem:
            return problem.as_kind(ConfigurationProblem)
        return ConfigurationProblem("settings_wrong", problem=CapsuleError("other", sentence=error["msg"]))
    problem = problem or _what_is_right(info)
    place = found[key].origin if key in found else "default"
    if key in Settings.SECRETS or key == "store_url" or isinstance(error["input"], dict):
        return ConfigurationProblem("setting_wrong", key=key, place=place, problem=problem)
    value = printable(str(error["input"]), 80)
    return ConfigurationProblem("setting_value_wrong", key=key, place=place, value=value, problem=problem)


def _what_is_right(info: FieldInfo) -> UsageProblem:
    plain = _bare_type(info.annotation)
    if get_origin(plain) is Literal:
        return UsageProblem("setting_one_of", choices=get_args(plain))
    if plain not in {bool, int, float}:
        return UsageProblem("setting_no_path" if plain is Path else "setting_no_text")
    if plain is bool:
        return UsageProblem("setting_one_of", choices=("true", "false"))
    bounds = {
        name: getattr(limit, name) for limit in info.metadata for name in ("ge", "le") if hasattr(limit, name)
    }
    if plain is int:
        return UsageProblem("setting_no_whole_number", least=bounds["ge"], most=bounds["le"])
    return UsageProblem("setting_no_number", least=bounds["ge"], most=bounds["le"])


def _is_path(info: FieldInfo) -> bool:
    return _bare_type(info.annotation) is Path


def _bare_type(annotation: Any) -> Any:
    """Return the type without None and without its checks."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return _bare_type(next(part for part in get_args(annotation) if part is not type(None)))
    return _bare_type(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def _cause(error: Exception) -> CapsuleError:
    match error:
        case OSError():
            return system_problem(error)
        case UnicodeDecodeError():
            return CapsuleError("not_utf_8")
        case _:
            return CapsuleError("other", sentence=str(error))
