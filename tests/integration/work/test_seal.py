"""The seal, looked at from outside: what was put in is nowhere to be found while a capsule is sealed."""

import io
import logging
import os
from pathlib import Path

import pytest

from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.services import stories
from memorycapsule.work import ticks, tmpfs
from memorycapsule.work.prerendering import Prerenderer
from support.cast import (
    adapted,
    add_story,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
    make_recording,
)
from support.moments import NOW
from support.servers import OwnPostgres

#: Nothing of these may be found. The title of the capsule may, and is, so that the search is known to work.
MARKERS = {
    "story title": "Marker-Title-Zwetschge",
    "story text": "Marker-Text-Brombeere",
    "file name": "marker-name-hagebutte.jpg",
    "EXIF comment": "marker-exif-holunder",
    "voice comment": "marker-voice-schlehe",
    "voice name": "marker-recording-quitte.mp3",
    "Korean words": "표지-무화과-이야기",
}
OPEN_MARKER = "Marker-Capsule-Visible"


def fill(instance, workspace):
    """Put everything in through real decoders, change it, and remove one story again."""
    capsule = make_capsule(instance, title=OPEN_MARKER)
    ben = join(instance, capsule, "Ben")
    story = add_story(
        instance,
        capsule,
        ben.viewer,
        title=MARKERS["story title"],
        text=f"{MARKERS['story text']} {MARKERS['Korean words']}",
        photos=0,
    )
    removed = add_story(instance, capsule, ben.viewer, text=MARKERS["story text"] + " again", photos=0)
    workspace.mkdir(mode=0o700, exist_ok=True)
    with Decoders(workspace=workspace, children=1) as decoders:
        for one, file, content in [
            (story, MARKERS["file name"], make_photo(width=320, height=240, comment=MARKERS["EXIF comment"])),
            (
                removed,
                MARKERS["file name"],
                make_photo(width=320, height=240, comment=MARKERS["EXIF comment"]),
            ),
            (story, MARKERS["voice name"], make_recording(comment=MARKERS["voice comment"])),
        ]:
            path = workspace.parent / "upload.bin"
            path.write_bytes(content)
            with path.open("rb") as upload:
                stories.attach(
                    instance.store,
                    instance.vault,
                    decoders.prepare,
                    ben.viewer,
                    one.id,
                    file=file,
                    upload=upload,
                    clock=lambda: NOW,
                )
            path.unlink()
    stories.edit(
        instance.store, instance.vault, ben.viewer, story.id, title=MARKERS["story title"] + "!", now=NOW
    )
    stories.remove(instance.store, instance.vault, ben.viewer, removed.id, now=NOW)


def forms(marker):
    """A text as it may lie in a file: plain, in UTF-16, or as JSON escapes."""
    return {marker.encode(), marker.encode("utf-16-le"), marker.encode("unicode-escape")}


def found_in(folder):
    """The names of the markers that some file below `folder` holds."""
    wanted = {name: forms(marker) for name, marker in {**MARKERS, "open": OPEN_MARKER}.items()}
    found = set()
    for path in Path(folder).rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        content += os.fsencode(path.name)
        found |= {name for name, all_forms in wanted.items() if any(form in content for form in all_forms)}
    return found


def test_nothing_of_a_sealed_story_lies_in_any_file(tmp_path, time, caplog, capsys):
    """Data folder, database and write-ahead log, work folder, mailbox and log."""
    folder = tmp_path / "data"
    caplog.set_level(logging.DEBUG)
    with make_instance(f"sqlite:///{folder}/capsule.db", folder) as instance:
        fill(instance, folder / "work")
        ticks.tick(make_context(instance, time))

        assert (folder / "capsule.db-wal").stat().st_size > 0
        assert found_in(folder) == {"open"}
    assert found_in(folder) == {"open"}, "after the log was brought home"
    output = caplog.text + "".join(capsys.readouterr())
    assert not any(marker in output for marker in MARKERS.values())


@pytest.mark.slow
def test_nothing_of_it_lies_on_the_disk_while_its_film_is_prerendered_nor_afterwards(tmp_path, time):
    folder = tmp_path / "data"
    in_memory, spoken = [], []
    with make_instance(f"sqlite:///{folder}/capsule.db", folder) as instance:
        fill(instance, folder / "work")
        context = make_context(instance, time)
        place = tmpfs.workspace(context.rendering.tmpfs_places, context.rendering.work_dir)

        def search():
            assert found_in(folder) == {"open"}
            assert plain_pictures_in(folder) == []
            in_memory.append(found_in(place))
            spoken.extend(path for path in place.rglob("*") if path.suffix == ".m4a" or is_note(path))
            return False

        assert Prerenderer(context=adapted(context, is_stopping=search)).run() >= 1
        search()

    assert "story title" in set().union(*in_memory), "there it had to be"
    assert in_memory[-1] == set()
    assert spoken == [], "the sound is made after the opening, and a voice is wanted for nothing before"
    assert len(list((folder / "cache").rglob("*.age"))) >= 2


def is_note(path):
    """Whether a file begins like the m4a that a voice note is kept as."""
    return path.is_file() and path.read_bytes()[4:12] == b"ftypM4A "


def plain_pictures_in(folder):
    """Files that begin like a JPEG (ITU-T T.81, B.1.1.3) or an mp4 (ISO/IEC 14496-12, 4.3)."""
    heads = {path: path.read_bytes()[:8] for path in Path(folder).rglob("*") if path.is_file()}
    return [path for path, head in heads.items() if head.startswith(b"\xff\xd8") or head[4:] == b"ftyp"]


@pytest.mark.slow
def test_nothing_of_a_sealed_story_lies_in_any_file_of_postgres(tmp_path, time):
    server = OwnPostgres()
    try:
        url = server.create_database()
        with make_instance(url, tmp_path / "data") as instance:
            fill(instance, tmp_path / "data" / "work")
            ticks.tick(make_context(instance, time))
            with instance.store.engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.exec_driver_sql("CHECKPOINT")

        assert found_in(tmp_path / "data") <= {"open"}
        assert found_in(server.data_folder) == {"open"}
    finally:
        server.close()


def test_the_search_would_find_them(tmp_path):
    for number, marker in enumerate(MARKERS.values()):
        (tmp_path / f"{number}.bin").write_bytes(b"\0\xff" + marker.encode() + b"\0")
    (tmp_path / "open.bin").write_bytes(OPEN_MARKER.encode("utf-16-le"))

    assert found_in(tmp_path) == {*MARKERS, "open"}


def test_an_exif_comment_really_is_one():
    import exifread

    tags = exifread.process_file(io.BytesIO(make_photo(comment=MARKERS["EXIF comment"])))
    assert str(tags["Image ImageDescription"]) == MARKERS["EXIF comment"]
