"""
What each command answers with `--json`, beside `schema`.

A text is a value and says which words it may be, an empty one any value; a class is a shape of `schemas/`, and several
in a tuple are answers of the same command. Whatever is not a list may be null. `NAME` stands for names of any kind.

The tests hold each answer of the command line that they see to this, and `tools/references.py` writes it down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from memorycapsule.schemas.backups import Backup, Contents
from memorycapsule.schemas.capsule_lines import CapsuleLine, OpenedCapsule
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.date_requests import AskedWish, Wish
from memorycapsule.schemas.invitations import Invitation, JoinedCapsule, SentInvitation
from memorycapsule.schemas.members import Member, MemberLine
from memorycapsule.schemas.model import Model
from memorycapsule.schemas.montages import Montage
from memorycapsule.schemas.notifications import Notification, RoadPause, TriedRoad
from memorycapsule.schemas.outbox import Letter, MailPause
from memorycapsule.schemas.sessions import MadeToken, SignInLink, Token
from memorycapsule.schemas.status import Status
from memorycapsule.schemas.stories import Medium, Story

_ERROR = {"message": "", "code": "", "reason": "", "values": ""}
_REFUSED = {"file": "", "reason": "", "code": "", "values": ""}
_RECOVERY = {"recipient": "", "key": "", "file": ""}
_KEYS = {"capsules": "", "without_instance": "", "without_recovery": ""}
_DAMAGE = {"kind": "", "id": "", "capsule": "", "detail": ""}
_NODE = {
    "id": "",
    "host": "",
    "kind": "daemon|worker|command",
    "started_at": "",
    "seen_at": "",
    "is_alive": "",
    "has_our_key": "",
}
_UPDATE = {"update": {"from": "", "version": "", "changed": "", "copy": ""}}
_STARTED = {"unit": "", "files": [""], "account": "", "started": ""}
_FORETOLD = {
    "dry_run": "",
    "opened": [OpenedCapsule],
    "films": [""],
    "would_send": [Letter],
    "paused": MailPause,
    "doubt": "",
}

ANSWERS: Mapping[str, Any] = {
    "init": {
        "instance": {"admin": "", "config_file": "", "data_dir": "", "key_file": "", "database": ""},
        "recovery": _RECOVERY,
        "set_up_url": "",
    },
    "update": _UPDATE,
    "proxy": {"proxy": {"program": "nginx|caddy", "url": "", "upstream": "", "text": ""}},
    "login-link": {"login": SignInLink},
    "token create": {"token": MadeToken},
    "token list": {"tokens": [Token]},
    "token end": {"token": Token},
    "demo": {"demo": ""},
    "status": {"status": Status},
    "doctor": {
        "healthy": "",
        "findings": [{"what": "", "state": "good|warning|wrong", "says": ""}],
        "nodes": [_NODE],
    },
    "config show": {"config": {"file": "", "settings": {"NAME": {"value": "", "origin": ""}}}},
    "config path": {"config": {"file": "", "exists": "", "data_dir": ""}},
    "config check": {"config": {"file": "", "warnings": [""]}},
    "db check": {"database": {"revision": "", "newest": ""}},
    "db upgrade": {"database": {"from": "", "revision": "", "copy": ""}},
    "migrate-store": {"migrated": {"from": "", "to": "", "tables": [{"name": "", "rows": "", "digest": ""}]}},
    "blobs move": {
        "moved": {
            "from": "",
            "to": "",
            "files": "",
            "bytes": "",
            "new_files": "",
            "missing": [""],
            "switched": "",
        }
    },
    "key status": {
        "key": {
            "file": "",
            "state": "fits|missing|wrong",
            "fingerprint": "",
            "recovery_recipient": "",
            **_KEYS,
        }
    },
    "key recover": {"key": {"file": "", "state": "fits", "fingerprint": "", **_KEYS}},
    "key rotate": {"key": {"file": "", "state": "fits", "fingerprint": "", **_KEYS}},
    "key new-recovery": {"recovery": _RECOVERY, "left": [{"id": "", "slug": "", "title": ""}]},
    "backup": {
        "backup": Backup,
        "folder": "",
        "new_files": "",
        "new_bytes": "",
        "kept": [""],
        "verified": Contents,
        "key_file": "",
    },
    "restore": {"restored": Backup, "contents": Contents, "unknown": ""},
    "release": ({"released": "", "held": ""}, _FORETOLD),
    "verify": (
        {
            "verify": {
                "whole": "",
                "deep": "",
                "capsules": "",
                "files": "",
                "bytes": "",
                "damage": [_DAMAGE],
            }
        },
        {"verify": {"whole": "", "deep": "", "damage": [_DAMAGE]}},
    ),
    "repair": {"repair": {"whole": "", "mended": [_DAMAGE], "left": [_DAMAGE]}},
    "create": {"capsule": Capsule},
    "show": {"capsule": Capsule},
    "edit": {"capsule": Capsule},
    "list": {"capsules": [CapsuleLine]},
    "delete": {"capsule": {"id": "", "slug": "", "state": "deleted"}},
    "reschedule": {"capsule": Capsule, "wish": AskedWish, "waits_for": ""},
    "consent": {"wish": Wish},
    "member list": {"members": [MemberLine]},
    "member role": {"member": Member},
    "member remove": {"member": Member},
    "leave": {"member": Member},
    "remind": {"invitations": [Invitation], "members": [Member]},
    "invite": ({"invitations": [SentInvitation]}, {"invitations": [Invitation]}),
    "join": {"member": Member, "capsule": JoinedCapsule, "token": ""},
    "story add": {
        "story": {"id": ""},
        "media": [Medium],
        "duplicates": [{"file": "", "duplicate_of": ""}],
        "refused": [_REFUSED],
        "not_in_yet": [_REFUSED],
    },
    "story list": {"stories": [Story]},
    "story show": ({"story": Story}, {"story": Story, "saved": [""]}),
    "story edit": {"story": Story},
    "story remove": {"removed": {"story": "", "media": [""]}},
    "open": {"capsule": OpenedCapsule, "film": Montage},
    "tick": (
        {
            "opened": [OpenedCapsule],
            "not_opened": [{"capsule": OpenedCapsule, "error": _ERROR}],
            "films": [""],
            "unmade": [Montage],
            "letters": {"sent": "", "retrying": "", "rejected": "", "unknown": "", "waiting": ""},
            "paused": MailPause,
            "doubt": "",
        },
        _FORETOLD,
    ),
    "daemon": {"daemon": {"url": "", "pid": "", "metrics_url": ""}},
    "worker": {"worker": {"pid": "", "queues": ["open|mail|film"], "metrics_url": ""}},
    "install-service": {"service": _STARTED},
    "uninstall-service": {"service": {"removed": [""]}},
    "healthcheck": {"health": {"url": "", "status": "ok", "heartbeat_age_seconds": ""}},
    "montage make": {"montage": Montage},
    "montage list": {"montages": [Montage]},
    "montage save": {"saved": {"montage": "", "file": "", "bytes": ""}},
    "montage cancel": {"montage": Montage},
    "montage retry": {"montage": Montage},
    "render": {
        "film": {
            "file": "",
            "seconds": "",
            "frames": "",
            "pictures": "",
            "size": [""],
            "fps": "",
            "bytes": "",
            "segments": {"encoded": "", "reused": ""},
        },
        "missing": [{"file": "", "missing": ["picture|sound|end"]}],
        "refused": [_REFUSED],
        "not_in_yet": [_REFUSED],
    },
    "mail outbox": {"letters": [Letter], "paused": MailPause},
    "mail retry": {"letters": [Letter]},
    "mail test": {
        "letter": {"to": "", "state": "sent", "detail": "", "reason": "", "values": "", "is_real": ""}
    },
    "notify test": {"roads": [TriedRoad]},
    "notify outbox": {"notifications": [Notification], "paused": [RoadPause]},
}


def written(shape: Any) -> str:
    """Return a shape as the reference has it: `{"key": {"file", "state": "fits|missing|wrong"}}`."""
    match shape:
        case dict():
            return "{" + ", ".join(_field(name, value) for name, value in shape.items()) + "}"
        case [one]:
            return f"[{written(one)}]"
        case str():
            return f'"{shape}"' if shape else "..."
        case _:
            return str(shape.__name__)


def _field(name: str, shape: Any) -> str:
    return f'"{name}": {written(shape)}' if shape else f'"{name}"'


def answers_of(command: str) -> tuple[Any, ...]:
    """Return the answers that a command gives. Raises KeyError for one that is not here."""
    found = ANSWERS[command]
    return found if isinstance(found, tuple) else (found,)


def models(shape: Any) -> Iterator[type[Model]]:
    """Yield the shapes of `schemas/` in a shape, as often as they come."""
    match shape:
        case dict():
            for one in shape.values():
                yield from models(one)
        case list() | tuple():
            for one in shape:
                yield from models(one)
        case type():
            yield shape


def command_of(words: Sequence[str]) -> str | None:
    """Return the command that these words call, None if it is none of them."""
    for place, first in enumerate(words):
        for command in (" ".join(words[place : place + 2]), first):
            if command in ANSWERS:
                return command
    return None


def problems(command: str, answer: Mapping[str, Any]) -> list[str]:
    """Return in what an answer is not what the reference says; nothing for an error."""
    told = {name: value for name, value in answer.items() if name not in {"schema", "error"}}
    if not told and "error" in answer:
        return []
    found = [list(_differences(shape, told, command)) for shape in answers_of(command)]
    return min(found, key=len)


def _differences(shape: Any, value: Any, where: str) -> Iterator[str]:
    match shape, value:
        case _, None:
            pass
        case {"NAME": inner}, dict():
            for name, one in value.items():
                yield from _differences(inner, one, f"{where}.{name}")
        case dict(), dict():
            yield from (f"{where}.{name} is not told of" for name in value.keys() - shape.keys())
            yield from (f"{where}.{name} is not there" for name in shape.keys() - value.keys())
            for name in shape.keys() & value.keys():
                yield from _differences(shape[name], value[name], f"{where}.{name}")
        case [inner], list():
            for number, one in enumerate(value):
                yield from _differences(inner, one, f"{where}.{number}")
        case str(), _:
            if shape and value not in shape.split("|"):
                yield f"{where} is {value!r}"
        case type(), dict():
            try:
                shape.model_validate(value)
            except ValidationError as error:
                yield from (
                    f"{where}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
                )
        case _:
            yield f"{where} is {value!r}"
