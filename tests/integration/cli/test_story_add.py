"""Many files into one story: each kept or refused on its own, in order, whatever it is called."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.cli.instances import bitmap, join, opened_app
from memorycapsule.cli.files import gather, naturally
from memorycapsule.disk import MARGIN_BYTES
from memorycapsule.processes import ffmpeg_path
from support.dated_photos import exif_block, jpeg, png, png_text
from support.servers import wait_until

ADD = ("story", "add", "summer", "--json")


def stored_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "data" / "blobs").glob("??/??/*") if path.is_file()]


def test_folders_are_walked_in_the_order_people_expect(summer, tmp_path):
    album = tmp_path / "album"
    (album / "b").mkdir(parents=True)
    for number, name in enumerate(["IMG_10.bmp", "IMG_9.bmp", "img_100.bmp", "b/1.bmp"]):
        bitmap(album / name, number)
    said = summer(*ADD, album).json

    files = [Path(one["file"]).relative_to(album).as_posix() for one in said["media"]]
    assert files == ["b/1.bmp", "IMG_9.bmp", "IMG_10.bmp", "img_100.bmp"]
    shown = summer("story", "show", said["story"]["id"], "--json").json["story"]
    assert [one["id"] for one in shown["media"]] == [one["id"] for one in said["media"]]


def test_numbers_in_names_are_read_as_numbers():
    names = ["x2y10", "x2y9", "X10", "x9", "٣", "x²"]

    assert sorted(names, key=naturally) == ["٣", "x2y9", "x2y10", "x9", "X10", "x²"]


def test_good_files_are_kept_each_refusal_is_named_and_the_same_photo_is_one(summer, tmp_path):
    good, twin, text = bitmap(tmp_path / "a.bmp"), tmp_path / "b.jpg", tmp_path / "c.jpg"
    shutil.copy(good, twin)
    text.write_text("only words")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    said = summer(*ADD, "--title", "Mixed", good, twin, text, tmp_path / "d.jpg", tmp_path / "Thumbs.db")

    assert said.code == 5
    assert [one["format"] for one in said.json["media"]] == ["BMP"]
    assert (said.json["media"][0]["width"], said.json["media"][0]["has_gps"]) == (24, False)
    pair = said.json["duplicates"][0]
    assert {pair["file"], pair["duplicate_of"]} == {str(good), str(twin)}
    reasons = {Path(one["file"]).name: one["reason"] for one in said.json["refused"]}
    assert reasons["c.jpg"] == "is text, not a photo or clip."
    assert reasons["d.jpg"] == "cannot be read: No such file or directory."
    assert "Thumbs.db" in reasons
    assert "Thumbs.db" not in said.err
    assert "c.jpg is text" in said.err


def test_a_recording_in_which_nobody_is_heard_is_called_so_in_each_language(summer, tmp_path):
    silent, short, clip = tmp_path / "silent.wav", tmp_path / "short.wav", tmp_path / "sound.mp4"
    for path, seconds, volume in ((silent, 2, 0), (short, 0.1, 1), (clip, 2, 1)):
        source = f"aevalsrc={volume}*sin(2*PI*440*t)/4:d={seconds}"
        subprocess.run([ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", source, str(path)], check=True)
    said = summer(*ADD, silent, short, clip)
    korean = summer("--lang", "ko", "story", "add", "summer", silent, short)

    assert said.code == 5
    assert [(one["format"], one["kind"]) for one in said.json["media"]] == [("MP4", "voice")]
    assert said.json["refused"] == [
        {
            "file": str(silent),
            "reason": "is silent: there is nothing to be heard in it; see that the microphone is on.",
            "code": "silent",
            "values": {},
        },
        {
            "file": str(short),
            "reason": "is too short: there is less than a third of a second of sound in it.",
            "code": "voice_too_short",
            "values": {},
        },
    ]
    assert f"뺐어요: {silent} 아무 소리도 들리지 않아요. 마이크가 켜져 있는지 봐 주세요." in korean.err
    assert f"뺐어요: {short} 너무 짧아요. 소리가 3분의 1초도 안 돼요." in korean.err


def test_system_files_alone_are_no_reason_to_complain(summer, tmp_path):
    (tmp_path / "._a.jpg").write_bytes(b"x")
    said = summer(*ADD, bitmap(tmp_path / "a.bmp"), tmp_path / "._a.jpg")

    assert (said.code, len(said.json["refused"])) == (0, 1)


def test_if_all_is_refused_nothing_is_added(summer, tmp_path):
    (tmp_path / "c.jpg").write_text("only words")
    said = summer(*ADD, tmp_path / "c.jpg")

    assert (said.code, said.error["code"], said.json["story"]) == (1, "files_refused", None)
    assert len(said.json["refused"]) == 1
    assert summer("story", "list", "summer", "--json").json["stories"] == []


def test_if_all_is_refused_the_words_are_kept(summer, tmp_path):
    (tmp_path / "c.jpg").write_text("only words")
    said = summer(*ADD, "--text", "But listen", tmp_path / "c.jpg")

    assert said.code == 1
    assert [one["text"] for one in summer("story", "list", "summer", "--json").json["stories"]] == [
        "But listen"
    ]


def test_an_import_goes_on_where_it_was_cut_off(summer, tmp_path):
    first, second = bitmap(tmp_path / "1.bmp", 1), bitmap(tmp_path / "2.bmp", 2)
    story = summer(*ADD, first).json["story"]["id"]
    said = summer(*ADD, "--to", story, first, second)

    assert said.code == 0
    assert [one["file"] for one in said.json["duplicates"]] == [str(first)]
    assert [one["file"] for one in said.json["media"]] == [str(second)]
    kept = summer("story", "show", story, "--json").json["story"]["media"]
    assert [one["file"] for one in kept] == ["1.bmp", "2.bmp"]


def test_the_admin_adds_in_a_members_name_and_cannot_read_it(summer, tmp_path):
    ben = join(summer)
    said = summer("--as", "ben@example.org", *ADD, "--title", "From the shoebox", bitmap(tmp_path / "1.bmp"))
    story = said.json["story"]["id"]
    assert (said.code, len(said.json["media"])) == (0, 1)
    more = summer(*ADD, "--as", "ben@example.org", "--to", story, bitmap(tmp_path / "2.bmp", 2))
    assert len(more.json["media"]) == 1

    assert summer("story", "show", story).code == 3
    assert summer("story", "remove", story, "--yes").code == 3
    shown = summer("show", "summer", "--json").json["capsule"]
    assert [(one["name"], one["stories"]) for one in shown["contributions"]] == [("Ada", 0), ("Ben", 1)]
    assert summer("story", "show", story, token=ben).code == 3


def test_in_a_members_name_an_import_of_nothing_leaves_no_story(summer, tmp_path):
    join(summer)
    (tmp_path / "c.jpg").write_text("only words")

    assert summer("--as", "ben@example.org", *ADD, tmp_path / "c.jpg").code == 1
    shown = summer("show", "summer", "--json").json["capsule"]
    assert [one["stories"] for one in shown["contributions"]] == [0, 0]


@pytest.mark.parametrize(
    "words", [["list"], ["show", "summer"], ["story", "list", "summer"], ["tick"]], ids=" ".join
)
def test_acting_for_others_is_for_adding_only(summer, words):
    said = summer("--as", "ben@example.org", *words, "--json")

    assert (said.code, said.error["code"]) == (8, "not_allowed")


def test_a_members_token_cannot_act_for_others(summer):
    ben = join(summer)

    assert summer("--as", "ada@example.org", *ADD, "--text", "x", token=ben).code == 8


def test_words_come_from_stdin_too(summer, monkeypatch, tmp_path):
    letter = tmp_path / "letter"
    letter.write_text("Dear all,\n여름")
    with letter.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        story = summer(*ADD, "--text", "-").json["story"]["id"]

    assert summer("story", "show", story, "--json").json["story"]["text"] == "Dear all,\n여름"


def test_links_that_lead_away_are_left_out(summer, tmp_path):
    album = tmp_path / "album"
    (album / "deep").mkdir(parents=True)
    outside = bitmap(tmp_path / "private.bmp", 7)
    inside = bitmap(album / "deep" / "1.bmp", 1)
    (album / "link.bmp").symlink_to(outside)
    (album / "folder").symlink_to(album / "deep")
    (album / "loop").symlink_to(album)
    os.mkfifo(album / "pipe.jpg")
    said = summer(*ADD, album)

    assert said.code == 5
    assert [one["file"] for one in said.json["media"]] == [str(inside)]
    reasons = {Path(one["file"]).name: one["reason"] for one in said.json["refused"]}
    assert set(reasons) == {"link.bmp", "pipe.jpg"}
    assert "leads out of the folder" in reasons["link.bmp"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    closed = tmp_path / "album" / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")

    assert [one.reason for one in gather([tmp_path / "album"])] == ["cannot be read: Permission denied."]


HOSTILE = [
    b"-rf.bmp",
    b"$(id) `id`; echo hi.bmp",
    "photo\u202egpj.exe.bmp".encode(),
    ("a" + "\u0300\u0301\u0302\u0303" * 8 + ".bmp").encode(),
    b"<img src=x onerror=alert(1)>.bmp",
    b"concat:a|b.bmp",
    b"%03d.bmp",
    b".hidden.bmp",
    b"..\\..\\evil.bmp",
    b"line\nbreak.bmp",
    b"\x1b[31mred\x07.bmp",
    b"[bold]markup[bold] [link=x].bmp",
    b"\xff\xfe not utf-8.bmp",
    b" leading and trailing .bmp ",
    ("한글" * 40 + ".bmp").encode(),
    b"a" * 251 + b".bmp",
]


def test_hostile_names_are_harmless_everywhere(summer, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    for number, name in enumerate(HOSTILE):
        bitmap(album / os.fsdecode(name), number)
    (album / os.fsdecode(b"\xff\x1b[2J\nevil.txt")).write_text("only words")
    said = summer(*ADD, tmp_path / "album")

    assert said.code == 5
    raw = {os.fsencode(one["file"]).rpartition(b"/")[2] for one in said.json["media"]}
    assert raw == set(HOSTILE)
    shown = summer("story", "show", said.json["story"]["id"])
    refusal = said.err
    for text in (shown.out, refusal):
        assert not any(character in text for character in "\x1b\x07\u202e\udcff")
    assert "\\x1b[31mred" in shown.out
    assert "[bold]markup[bold]" in shown.out
    assert "line\\nbreak.bmp" in shown.out
    assert "\\xff\\x1b[2J\\nevil.txt is text" in refusal
    assert len(shown.out.splitlines()) == 3 + len(HOSTILE)

    kept = tmp_path / "kept"
    saved = summer("story", "show", said.json["story"]["id"], "--save", kept, "--json").json["saved"]
    assert len(saved) == len(set(saved)) == len(list(kept.iterdir())) == len(HOSTILE)
    assert {path.read_bytes() for path in kept.iterdir()} == {
        (album / os.fsdecode(name)).read_bytes() for name in HOSTILE
    }
    assert [path.parent for path in tmp_path.rglob("evil.bmp")] == [kept]


def test_saving_never_writes_over_a_file(summer, tmp_path):
    story = summer(*ADD, bitmap(tmp_path / "a.bmp")).json["story"]["id"]
    kept = tmp_path / "kept"
    for _ in range(2):
        assert summer("story", "show", story, "--save", kept).code == 0

    assert sorted(path.name for path in kept.iterdir()) == ["a (2).bmp", "a.bmp"]


def test_of_a_story_without_files_nothing_is_saved_and_that_is_said(summer, tmp_path):
    story = summer(*ADD, "--text", "It rained.", "--title", "Rain").json["story"]["id"]
    assert "nothing was saved" in summer("story", "show", story, "--save", tmp_path / "kept").out
    assert not (tmp_path / "kept").exists()


def test_one_photo_of_a_story_is_removed_and_then_all_of_it(summer, tmp_path):
    said = summer(*ADD, bitmap(tmp_path / "1.bmp", 1), bitmap(tmp_path / "2.bmp", 2)).json
    story, medium = said["story"]["id"], said["media"][0]["id"]
    assert summer("story", "remove", story).code == 2
    assert summer("story", "remove", story, "--medium", "unknown", "--yes").code == 3
    assert summer("story", "remove", story, "--medium", medium, "--yes").code == 0
    assert [one["file"] for one in summer("story", "show", story, "--json").json["story"]["media"]] == [
        "2.bmp"
    ]
    assert summer("story", "edit", story, "--title", "Left", "--json").json["story"]["title"] == "Left"

    assert summer("story", "remove", story, "--yes", "--json").json["removed"]["story"] == story
    assert stored_files(tmp_path) == []


def in_a_small_disk(tmp_path: Path, words: list[str], *, size: int) -> subprocess.CompletedProcess[str]:
    """
    Run `capsule` where blobs lie on a disk with room for `size` kB of them, which a namespace of its own provides.

    An import leaves a margin of the disk to openings and letters.
    """
    unshare = shutil.which("unshare")
    blobs = tmp_path / "data" / "blobs"
    blobs.mkdir(exist_ok=True, mode=0o700)
    mount = f'mount -t tmpfs -o size={MARGIN_BYTES // 1024 + size}k,mode=700 tmpfs "{blobs}"'
    if (
        not unshare
        or subprocess.run([unshare, "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode
    ):
        pytest.skip("This machine allows no disk of our own (unshare -rm, mount).")
    script = f'{mount} && "$0" -m memorycapsule.cli "$@"; code=$?; find "{blobs}" -type f >&2; exit $code'
    return subprocess.run(
        [unshare, "-rm", "sh", "-c", script, sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_full_disk_stops_an_import_and_says_how_to_go_on(summer, tmp_path):
    files = [str(bitmap(tmp_path / f"{number}.bmp", number)) for number in range(40)]
    done = in_a_small_disk(tmp_path, [*ADD, "--title", "Many", *files], size=64)

    assert done.returncode == 1, done
    said = json.loads(done.stdout)
    story = said["story"]["id"]
    assert said["error"]["code"] == "disk_full"
    assert f"--to {story}" in said["error"]["message"]
    assert 0 < len(said["media"]) < len(files)
    assert ".part" not in done.stderr
    kept = summer("story", "show", story, "--json").json["story"]["media"]
    assert len(kept) == len(said["media"])
    # The folder's lock, and what it remembers of the database, lie beside them.
    assert len(re.findall(r"/data/blobs/../../", done.stderr)) == 3 * len(kept)


@pytest.mark.slow
def test_a_full_disk_before_the_first_file_adds_nothing(summer, tmp_path):
    done = in_a_small_disk(tmp_path, [*ADD, str(bitmap(tmp_path / "1.bmp"))], size=4)

    assert done.returncode == 1
    assert json.loads(done.stdout)["story"] is None
    assert summer("story", "list", "summer", "--json").json["stories"] == []


def test_what_is_added_stands_nowhere_readable(summer, tmp_path):
    marker = "zwischen den Kirschbäumen"
    summer(*ADD, "--title", marker, "--text", marker, bitmap(tmp_path / f"{marker}.bmp"))
    with opened_app():
        pass

    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or marker.encode() not in path.read_bytes()


@pytest.mark.slow
def test_ctrl_c_finishes_what_is_half_way_and_says_how_to_go_on(summer, photos, tmp_path):
    """On a terminal Ctrl-C reaches the decoders as well; nothing good is called bad for that."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "memorycapsule.cli",
            *ADD,
            "--title",
            "Many",
            str(photos / "orientation"),
            str(photos),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        wait_until(lambda: len(stored_files(tmp_path)) > 20, 60, "some photos are in")
        os.killpg(child.pid, signal.SIGINT)
        said, heard = child.communicate(timeout=60)
    answer = json.loads(said)

    assert (child.returncode, answer["error"]["code"]) == (130, "interrupted")
    assert heard.decode().count("Stopped.") == 1
    good = [one for one in answer["refused"] if "/bad/" not in one["file"] and "/music/" not in one["file"]]
    assert [one["file"] for one in good if one["file"].endswith((".jpg", ".heic"))] == []
    assert list((tmp_path / "data").rglob("*.part")) == []
    story = answer["story"]["id"]
    kept = {one["sha256"] for one in summer("story", "show", story, "--json").json["story"]["media"]}
    assert kept == {one["sha256"] for one in answer["media"]}

    again = summer(*ADD, "--to", story, photos / "orientation").json
    assert {one["sha256"] for one in again["media"]}.isdisjoint(kept)


@pytest.mark.slow
def test_every_sample_photo_is_as_the_facts_say(summer, photos):
    """All good photos and clips in one import, all bad ones beside them."""
    facts = json.loads((photos / "facts.json").read_text())
    said = summer(*ADD, photos, "--quiet").json
    media = {str(Path(one["file"]).relative_to(photos)): one for one in said["media"]}
    for twin in said["duplicates"]:
        media[str(Path(twin["file"]).relative_to(photos))] = media[
            str(Path(twin["duplicate_of"]).relative_to(photos))
        ]
    refused = {str(Path(one["file"]).relative_to(photos)): one["reason"] for one in said["refused"]}

    for fact in facts["files"]:
        if fact["kind"] == "audio":
            assert media[fact["file"]]["kind"] == "voice"
            assert media[fact["file"]]["duration_seconds"] == pytest.approx(fact["duration_s"], abs=0.1)
            continue
        found = media[fact["file"]]
        assert (found["width"], found["height"], found["has_gps"]) == (
            fact["width"],
            fact["height"],
            fact["has_gps"],
        ), fact["file"]
        if not {one["file"] for one in said["duplicates"]} & {str(photos / fact["file"])}:
            assert found["sha256"] == fact["sha256"]
    for fact in facts["bad"]:
        if fact["file"].endswith((".mp3", ".ogg")):
            assert fact["file"] in refused
        elif fact["expect"] != "either":
            assert (fact["file"] in media) == (fact["expect"] == "accept"), fact
    assert all(reason.endswith(".") and "\n" not in reason for reason in refused.values())


@pytest.mark.parametrize(
    "words", [["--text", ""], ["--title", " "], ["--title", "", "--text", "\n"], ["camera"]]
)
def test_a_story_with_nothing_in_it_is_not_kept(summer, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "camera").mkdir()
    said = summer("story", "add", "summer", *words)

    assert (said.code, said.out) == (1 if words == ["camera"] else 2, "")
    assert summer("story", "list", "summer", "--json").json["stories"] == []


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_an_import_that_is_ended_says_how_to_go_on(summer, tmp_path, number):
    photos = [bitmap(tmp_path / f"{place}.bmp", place) for place in range(40)]
    child = subprocess.Popen(
        [sys.executable, "-m", "memorycapsule.cli", "story", "add", "summer", "--json", *photos],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    begun = child.stderr.readline()
    child.send_signal(number)
    out, err = child.communicate()
    answer = json.loads(out)

    # A shell says 130 for both: Python ends by the signal where it came while a library was being loaded.
    assert child.returncode in {130, -signal.SIGINT}
    assert "Traceback" not in err
    assert answer["error"]["code"] == "interrupted"
    assert f"--to {answer['story']['id']}" in begun
    again = summer("story", "add", "summer", "--to", answer["story"]["id"], *photos, "--json").json
    assert len(again["media"]) + len(again["duplicates"]) == 40
    assert len(again["duplicates"]) == len(answer["media"]) < 40


def test_many_files_left_out_for_one_reason_stand_below_it(summer, tmp_path):
    files = [tmp_path / f"{place}.txt" for place in range(5)]
    for file in files:
        file.write_text("no photo")
    (tmp_path / "empty.jpg").touch()
    said = summer("story", "add", "summer", bitmap(tmp_path / "a.bmp"), *files, tmp_path / "empty.jpg")

    lines = said.err.splitlines()[1:]
    assert lines[0].startswith("  left out, 5 files: each ")
    assert lines[1:] == [
        *(f"    {file}" for file in files),
        f"  left out: {tmp_path}/empty.jpg is empty; if it is still in a cloud, download it first.",
    ]
    assert "Files: 1 new, 6 left out." in said.out
    assert said.out.splitlines()[-1].startswith("7 files, 0.0 MB, in ")


def test_a_photo_is_shown_with_its_time_or_with_the_day_in_its_name(summer, tmp_path):
    exif = exif_block(DateTimeOriginal="2024:02:21 10:14:22", OffsetTime="+09:00")
    (tmp_path / "a.jpg").write_bytes(jpeg(exif=exif))
    (tmp_path / "KakaoTalk_20240501_123456789.jpg").write_bytes(jpeg())
    (tmp_path / "utc.png").write_bytes(png(texts=png_text("tEXt", "2024-03-01T23:30:00Z")))
    said = summer(
        *ADD, tmp_path / "a.jpg", tmp_path / "KakaoTalk_20240501_123456789.jpg", tmp_path / "utc.png"
    )
    shown = summer("story", "show", said.json["story"]["id"]).out

    assert [(one["taken_at"], one["taken_day"]) for one in said.json["media"]] == [
        ("2024-02-21T10:14:22+09:00", "2024-02-21"),
        (None, "2024-05-01"),
        # The capsule is in Seoul.
        ("2024-03-01T23:30:00+00:00", "2024-03-02"),
    ]
    assert "taken 2024-02-21T10:14:22+09:00)" in shown
    assert "taken 2024-05-01)" in shown
    assert "taken 2024-03-02)" in shown
