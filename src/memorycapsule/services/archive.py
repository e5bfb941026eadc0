"""Archive: an open capsule with all that is in it, as files to keep."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal
from urllib.parse import quote

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.file_names import safe_name, with_ending
from memorycapsule.domain.stories import MediumKind, Viewer
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import Sealed
from memorycapsule.services import reading
from memorycapsule.services.album.story_views import MediumView, StoryView
from memorycapsule.services.reading import CapsuleView
from memorycapsule.services.vault import Vault
from memorycapsule.store.transactions import Store
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.dates import short_day
from memorycapsule.words.error_sentences import sentence_of

#: Formats of photos that every browser shows as they are.
_SHOWN_AS_THEY_ARE = {"JPEG", "PNG", "WebP", "GIF", "AVIF", "BMP"}
#: Formats of clips that no browser plays.
_PLAYED_BY_NONE = {"MTS"}
_ENDINGS = {"display": "jpg", "clip": "mp4"}
#: Folder of what `index.html` shows in place of other originals.
_SHOWN = "shown"


@dataclass(frozen=True, kw_only=True)
class ArchiveFile:
    """One file of an archive; it is opened when its turn comes."""

    #: Its path, with slashes.
    path: str
    size: int
    #: When it is from, as a wall time.
    local: datetime
    open: Callable[[], BinaryIO] | None = None
    #: Its bytes, for a text that the archive adds.
    content: bytes = b""


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A medium in the archive, and how its page shows it."""

    medium: MediumView
    original: ArchiveFile
    #: A JPEG or mp4 that stands for an original that browsers do not show.
    display: ArchiveFile | None

    @property
    def files(self) -> list[ArchiveFile]:
        return [self.original, *([self.display] if self.display else [])]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """All files of an open capsule."""

    capsule: Capsule
    #: What the archive is called, and its one folder.
    name: str
    files: list[ArchiveFile]


def of_capsule(store: Store, vault: Vault, viewer: Viewer, reference: str, *, language: str) -> Archive:
    """
    Return all originals, words and films of an open capsule, in an order that never changes.

    Raises NotFound, and Sealed before the date.
    """
    view = reading.capsule(store, vault, viewer, reference)
    if not view.capsule.is_open:
        raise Sealed
    words = wording(language)
    capsule = view.capsule
    root = _ArchiveFolder(safe_name(capsule.title, capsule.slug))
    texts: list[ArchiveFile] = []
    media: list[ArchiveFile] = []
    sections: list[str] = []
    stories = sorted(view.stories, key=lambda story: (story.story.created_at, story.story.id))
    for number, story in enumerate(stories, 1):
        folder = root.folder(f"{number:02} {story.words.title or words('archive_untitled')}")
        text_path = folder.path("story.txt")
        beside = folder.folder(_SHOWN)
        shown = [
            _shown(
                store,
                vault,
                viewer,
                medium,
                folder,
                beside,
                medium.taken_local or _added_local(capsule, story),
            )
            for medium in story.media
        ]
        text = _story_text(capsule, story, shown, words)
        texts.append(_text_file(text_path, text, _added_local(capsule, story)))
        media += [file for one in shown for file in one.files]
        sections.append(_section(root, story, shown, _byline(capsule, story, words), words))
    films = _films(store, vault, viewer, view, root.folder(words("archive_films")))
    media += films
    opened = local_of(capsule.opened_at or capsule.opens_at, capsule.zone)
    readme = words("archive_readme", title=capsule.title, day=short_day(opened, language))
    index = _index_page(root, capsule.title, readme, sections, films, words)
    return Archive(
        capsule=capsule,
        name=root.name,
        files=[
            _text_file(root.path("README.txt"), readme, opened),
            _text_file(root.path("index.html"), index, opened),
            *texts,
            *media,
        ],
    )


class _ArchiveFolder:
    """A folder in which no two names are the same, whatever the case."""

    def __init__(self, name: str, parent: str = "") -> None:
        self.name = name
        self._path = f"{parent}{name}/"
        self._used: set[str] = set()

    def folder(self, name: str) -> _ArchiveFolder:
        return _ArchiveFolder(self._free(safe_name(name)), self._path)

    def path(self, name: str) -> str:
        return self._path + self._free(safe_name(name))

    def inside(self, path: str) -> str:
        """Return where a file of this folder is, seen from it."""
        return path.removeprefix(self._path)

    def _free(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        free, count = name, 1
        while free.casefold() in self._used:
            count += 1
            free = f"{stem} ({count}){dot}{ending}"
        self._used.add(free.casefold())
        return free


def _shown(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    medium: MediumView,
    folder: _ArchiveFolder,
    beside: _ArchiveFolder,
    local: datetime,
) -> _Shown:
    """Return a medium with its place in the folder of its story, and `beside` it what is shown in its place."""
    details = medium.details
    original = ArchiveFile(
        path=folder.path(with_ending(details.file or "file", details.format)),
        size=details.bytes,
        local=local,
        open=_opener(store, vault, viewer, medium, "original"),
    )
    display = None
    if (form := _form_in_place(medium)) is not None:
        opener = _opener(store, vault, viewer, medium, form)
        name = original.path.rpartition("/")[2]
        display = ArchiveFile(
            path=beside.path(f"{name.rpartition('.')[0]}.{_ENDINGS[form]}"),
            size=(details.display_bytes if form == "display" else 0) or _length(opener),
            local=local,
            open=opener,
        )
    return _Shown(medium=medium, original=original, display=display)


def _form_in_place(medium: MediumView) -> Literal["display", "clip"] | None:
    """Return the form that is shown in place of an original that no browser shows; None for every other."""
    details = medium.details
    match medium.medium.kind:
        case MediumKind.PHOTO if details.format not in _SHOWN_AS_THEY_ARE or details.missing:
            return "display"
        case MediumKind.CLIP if details.format in _PLAYED_BY_NONE:
            return "clip"
    return None


def _length(opener: Callable[[], BinaryIO]) -> int:
    """Count the bytes of a file whose length was not kept when it came in."""
    with opener() as stream:
        return sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))


def _opener(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    medium: MediumView,
    form: Literal["original", "display", "clip"],
) -> Callable[[], BinaryIO]:
    return lambda: reading.medium_file(store, vault, viewer, medium.medium.id, form).stream


def _films(
    store: Store, vault: Vault, viewer: Viewer, view: CapsuleView, folder: _ArchiveFolder
) -> list[ArchiveFile]:
    kept: list[ArchiveFile] = []
    for montage in view.montages:
        size = reading.film(store, viewer, montage.id).bytes
        if size is not None:
            kept.append(
                ArchiveFile(
                    path=folder.path(
                        f"{len(kept) + 1:02} {safe_name(montage.title or view.capsule.title)}.mp4"
                    ),
                    size=size,
                    local=local_of(montage.finished_at or montage.queued_at, view.capsule.zone),
                    open=_film_opener(store, vault, viewer, montage.id),
                )
            )
    return kept


def _film_opener(store: Store, vault: Vault, viewer: Viewer, montage_id: str) -> Callable[[], BinaryIO]:
    return lambda: reading.film_file(store, vault, viewer, montage_id).stream


def _text_file(path: str, text: str, local: datetime) -> ArchiveFile:
    content = text.encode()
    return ArchiveFile(path=path, size=len(content), local=local, content=content)


def _added_local(capsule: Capsule, story: StoryView) -> datetime:
    return local_of(story.story.created_at, capsule.zone)


def _byline(capsule: Capsule, story: StoryView, words: Wording) -> str:
    day = short_day(_added_local(capsule, story), words.language)
    return words("archive_by", author=story.author.name, day=day)


def _story_text(capsule: Capsule, story: StoryView, shown: Sequence[_Shown], words: Wording) -> str:
    captions = [
        f"{one.original.path.rpartition('/')[2]}: {one.medium.details.caption}"
        for one in shown
        if one.medium.details.caption
    ]
    parts = [
        story.words.title or words("archive_untitled"),
        _byline(capsule, story, words),
        _text_of(story, words),
        "\n".join(captions),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text_of(story: StoryView, words: Wording) -> str:
    return sentence_of(story.damage, words) if story.damage else story.words.text


def _section(
    root: _ArchiveFolder, story: StoryView, shown: Sequence[_Shown], byline: str, words: Wording
) -> str:
    figures = "\n".join(
        _figure(
            one.medium.medium.kind,
            root.inside(one.original.path),
            root.inside((one.display or one.original).path),
            [
                one.medium.details.caption or "",
                *(words(f"missing_seen_{what}") for what in one.medium.details.missing),
            ],
        )
        for one in shown
    )
    title = html.escape(story.words.title or words("archive_untitled"))
    text = html.escape(_text_of(story, words))
    return f"<h2>{title}</h2>\n<p>{html.escape(byline)}</p>\n<p class=words>{text}</p>\n{figures}"


def _figure(kind: MediumKind, path: str, seen: str, lines: Sequence[str]) -> str:
    """Return a medium as HTML: a link to `path`, what is shown at `seen`, with `lines` below."""
    where, shown, name = (html.escape(text) for text in (quote(path), quote(seen), path.rpartition("/")[2]))
    said = "<br>".join(html.escape(line) for line in lines if line)
    below = f"<figcaption>{said}</figcaption>" if said else ""
    match kind:
        case MediumKind.PHOTO:
            inner = f'<a href="{where}"><img loading=lazy src="{shown}" alt="{html.escape(lines[0]) or name}"></a>'
        case MediumKind.CLIP:
            inner = f'<video controls preload=none src="{shown}"></video><a href="{where}">{name}</a>'
        case MediumKind.VOICE:
            inner = f'<audio controls preload=none src="{where}"></audio><a href="{where}">{name}</a>'
    return f"<figure>{inner}{below}</figure>"


def _index_page(
    root: _ArchiveFolder,
    title: str,
    readme: str,
    sections: Iterable[str],
    films: Sequence[ArchiveFile],
    words: Wording,
) -> str:
    played = "\n".join(
        _figure(MediumKind.CLIP, root.inside(film.path), root.inside(film.path), [""]) for film in films
    )
    parts = "\n".join(sections)
    return f"""<!doctype html>
<html lang="{words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1.2rem; color: #1a2340; background: #f1f4ef;
  font: 1.1rem/1.6 system-ui, sans-serif; }}
img, video {{ max-width: 100%; max-height: 80vh; border-radius: 6px; display: block; }}
figure {{ margin: 1rem 0; }} h2 {{ margin-top: 3rem; }} .words {{ white-space: pre-line; }}
h1, h2, h3, p, figcaption {{ unicode-bidi: plaintext; }}
</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<p class=words>{html.escape(readme.strip())}</p>
{played}
{parts}
</body>
</html>
"""
