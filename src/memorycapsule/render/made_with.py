"""
What decides pixels besides a plan and its pictures: our own sources, the libraries that draw, and the fonts.

It is part of the names of segments, so that a segment which another program drew is never joined with ours. Nobody has
to count versions for that: the sources are those of the module that draws, and of every module of ours that these
import. What one stage alone imports decides only the segments which that stage draws.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from memorycapsule import themes
from memorycapsule.render import ffmpeg

_PACKAGE = Path(__file__).parents[1]
_OURS = _PACKAGE.name
#: Draws and encodes the frames of every segment.
_DRAWING = f"{_OURS}.render.worker"
#: Knows all stages, of which one draws a shot.
_STAGES = f"{_OURS}.render.stages"
#: `import one, other` and `from one import (other, third)`, with the parts after `import` and `from`.
_IMPORT = re.compile(r"^[ \t]*(?:import ([^\n]+)|from ([\w.]+) import (\([^)]*\)|[^\n]+))", re.MULTILINE)
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True, kw_only=True)
class MadeWith:
    """Versions and digests (SHA-256, hexadecimal), by the names of what they are of."""

    #: What takes part in every segment: libraries, fonts, and the sources that draw on each stage.
    everywhere: Mapping[str, str]
    #: The sources that draw on one stage, by its name.
    stages: Mapping[str, str]

    def on(self, stages: Iterable[str]) -> dict[str, str]:
        """Return what decides the pixels of shots on these stages."""
        return {**self.everywhere, **{f"stage {name}": self.stages[name] for name in stages}}


@dataclass(frozen=True, kw_only=True)
class _Module:
    """One module of ours."""

    digest: bytes
    #: The full names of all that it imports anywhere.
    imports: tuple[str, ...]


@functools.cache
def made_with(package: Path = _PACKAGE) -> MadeWith:
    """Return what the package in the folder `package` draws films with."""
    everywhere = _reached([_DRAWING], package)
    by_stage = {name: _reached(modules, package) for name, modules in _stages(package).items()}
    libraries = _versions([everywhere, *by_stage.values()])
    return MadeWith(
        everywhere={"drawing": _digest(everywhere), "ffmpeg": ffmpeg.version(), **libraries, **_fonts()},
        stages={name: _digest(sources) for name, sources in by_stage.items()},
    )


def _stages(package: Path) -> dict[str, list[str]]:
    """Return the modules of each stage: one, or those of a folder."""
    folder = package.parent.joinpath(*_STAGES.split("."))
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder).with_suffix("")
        if place.name != "__init__":
            found.setdefault(place.parts[0], []).append(".".join((_STAGES, *place.parts)))
    return found


def _reached(modules: Iterable[str], package: Path) -> dict[str, _Module]:
    """Return modules, and every module of ours that these import, by their names."""
    found: dict[str, _Module] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        source = None if module in found else _read(module, package)
        if source:
            found[module] = source
            waiting += (
                name for name in source.imports if module != _STAGES or not name.startswith(f"{_STAGES}.")
            )
    return found


@functools.cache
def _read(module: str, package: Path) -> _Module | None:
    """Return a module; None for what is none of ours, and for the package, which holds nothing but its version."""
    if not module.startswith(f"{_OURS}."):
        return None
    place = package.joinpath(*module.split(".")[1:])
    path = next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
    if path is None:
        return None
    data = path.read_bytes()
    return _Module(digest=hashlib.sha256(data).digest(), imports=tuple(_imported(data.decode())))


def _imported(source: str) -> Iterator[str]:
    """Yield the full name of each module that a source imports, and of each thing that it imports from one."""
    for modules, origin, things in _IMPORT.findall(_COMMENT.sub("", source)):
        if origin:
            yield origin
        for name in (modules or things).strip("()\n ").split(","):
            first = name.split()[:1]
            yield from (f"{origin}.{one}" if origin else one for one in first)


def _versions(groups: Iterable[Mapping[str, _Module]]) -> dict[str, str]:
    """Return the versions of the libraries that modules import."""
    sources = (source for group in groups for source in group.values())
    imported = {name.partition(".")[0] for source in sources for name in source.imports}
    libraries = imported - sys.stdlib_module_names - {_OURS}
    owners = metadata.packages_distributions()
    return {name: metadata.version(owners[name][0]) for name in sorted(libraries)}


def _fonts() -> dict[str, str]:
    folder = themes.font_path("Pretendard-Regular.otf").parent
    ours = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.?tf"))}
    # Fonts of the machine are many and large, and come and go as a package does: their names and sizes will do.
    theirs = "".join(f"{path} {path.stat().st_size}\n" for path in themes.system_fonts())
    return {**ours, "fonts of the machine": hashlib.sha256(theirs.encode()).hexdigest()}


def _digest(sources: Mapping[str, _Module]) -> str:
    digest = hashlib.sha256()
    for module, source in sorted(sources.items()):
        digest.update(module.encode() + b"\n" + source.digest)
    return digest.hexdigest()
