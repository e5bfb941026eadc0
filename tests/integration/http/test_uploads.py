"""Files over HTTP: the tus protocol to the letter, real photos through real decoders, and what must not come in."""

import asyncio
import base64
import contextlib
import json
import struct
import zlib
from datetime import timedelta
from uuid import UUID

import pytest

from memorycapsule.services import uploads
from support.cast import OPENS, add_story, make_photo

pytestmark = pytest.mark.slow

TUS = {"tus-resumable": "1.0.0"}
PIECE = TUS | {"content-type": "application/offset+octet-stream"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def sender(scene):
    with browser_of(scene, scene.ben.token) as sender:
        yield sender


@contextlib.contextmanager
def browser_of(scene, token=None, **headers):
    browser = scene.browser(token, **headers)
    try:
        yield browser
    finally:
        browser.app.state.receiver.close()
        scene.sites.clear()


def metadata_of(**values) -> str:
    return ",".join(
        f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in values.items()
    )


def begin(browser, story: str, content: bytes, file: str = "사진.jpg", **more):
    return browser.post(
        "/g/u",
        headers=TUS | {"upload-length": str(len(content)), "upload-metadata": metadata_of(filename=file, story=story)} | more,
    )  # fmt: skip


def send_piece(browser, address: str, start: int, piece: bytes, **more):
    return browser.patch(address, content=piece, headers=PIECE | {"upload-offset": str(start)} | more)


def send(browser, story: str, content: bytes, file: str = "사진.jpg") -> dict:
    """Send a file in one piece, and return what became of it."""
    address = begin(browser, story, content, file).headers["location"]
    assert send_piece(browser, address, 0, content).status_code == 204
    return browser.get(address).json()


def test_a_file_comes_in_as_the_protocol_says(scene, sender):
    jpeg = make_photo(width=200, height=150)
    made = begin(sender, scene.story.id, jpeg)
    address = made.headers["location"]

    assert (made.status_code, made.headers["tus-resumable"], made.headers["upload-offset"]) == (
        201,
        "1.0.0",
        "0",
    )
    assert UUID(address.removeprefix("/g/u/"))
    first = send_piece(sender, address, 0, jpeg[:100])
    assert (first.status_code, first.content, first.headers["upload-offset"]) == (204, b"", "100")
    assert "upload-expires" in first.headers
    asked = sender.head(address, headers=TUS)
    assert (asked.status_code, asked.headers["upload-offset"], asked.headers["upload-length"]) == (
        200,
        "100",
        str(len(jpeg)),
    )
    assert asked.headers["cache-control"] == "no-store"
    assert set(asked.headers["upload-metadata"].split(",")) == set(
        metadata_of(filename="사진.jpg", story=scene.story.id).split(",")
    )
    assert send_piece(sender, address, 90, jpeg[90:]).status_code == 409

    last = send_piece(sender, address, 100, jpeg[100:])

    state = sender.get(address).json()
    assert (last.status_code, last.headers["capsule-stage"]) == (204, "kept")
    assert last.headers["capsule-medium"] == state["medium"]
    assert (state["stage"], state["received"], state["file"]) == ("kept", len(jpeg), "사진.jpg")
    original = sender.get(f"/g/m/{state['medium']}/original")
    assert original.content == jpeg
    # Once more, by whoever did not hear the answer: told, and not kept twice.
    assert send_piece(sender, address, len(jpeg), b"").headers["capsule-stage"] == "kept"
    assert send(sender, scene.story.id, jpeg)["stage"] == "duplicate"
    assert sender.delete(address, headers=TUS).status_code == 204
    assert sender.head(address, headers=TUS).status_code == 404
    assert sender.get(f"/g/m/{state['medium']}/original").status_code == 200


def test_what_the_protocol_does_not_know_is_turned_away(scene, sender):
    address = begin(sender, scene.story.id, b"x" * 10).headers["location"]
    metadata = {"upload-metadata": metadata_of(filename="a", story=scene.story.id)}

    options = sender.options("/g/u")
    assert (options.status_code, options.headers["tus-version"]) == (204, "1.0.0")
    assert options.headers["tus-extension"] == "creation,termination,expiration"
    assert options.headers["tus-max-size"] == "2000000000"
    old = sender.head(address)
    assert (old.status_code, old.headers["tus-version"]) == (412, "1.0.0")
    assert sender.post("/g/u", headers={"upload-length": "1"} | metadata).status_code == 412
    for length in ("", "-1", "1e3", "9" * 19, "１"):
        answer = sender.post("/g/u", headers=TUS | metadata | {"upload-length": length.encode()})
        assert answer.status_code == 400, length
    assert (
        sender.post("/g/u", headers=TUS | {"upload-length": "1", "upload-metadata": "story ***"}).status_code
        == 400
    )
    empty = begin(sender, scene.story.id, b"").headers["location"]
    assert (sender.get(empty).json()["stage"], sender.get(empty).json()["reason"]) == (
        "refused",
        "There is nothing in this file. Is it still in iCloud or another cloud? Open it once, then choose it again.",
    )
    assert send_piece(sender, address, 0, b"x", **{"content-type": "text/plain"}).status_code == 415
    assert send_piece(sender, address, 5, b"x").status_code == 409
    assert send_piece(sender, address, 0, b"x" * 11).status_code == 413
    override = {"x-http-method-override": "PATCH", "upload-offset": "0"}
    assert sender.post(address, content=b"x", headers=PIECE | override).headers["upload-offset"] == "1"
    assert sender.post(address, headers=TUS).status_code == 405


def test_only_who_began_it_may_go_on_or_ask(scene, sender):
    address = begin(sender, scene.story.id, b"x" * 10).headers["location"]
    missing = f"/g/u/{NOBODY}"
    for token in (
        None,
        scene.cleo.token,
        scene.session_of(scene.instance.ada.account_id),
        scene.session_of(scene.ben.member.account_id),
    ):
        other = scene.browser(token)
        for path in (address, missing):
            assert other.get(path).status_code == 404
            assert other.head(path, headers=TUS).status_code == 404
            assert send_piece(other, path, 0, b"x").status_code == 404
            assert other.delete(path, headers=TUS).status_code == 404
        assert other.get(address).content == other.get(missing).content
        assert begin(other, scene.story.id, b"x").status_code == 404
    assert sender.get(address).json()["received"] == 0


def test_a_token_sends_as_well_as_a_browser_and_a_foreign_page_does_not(scene):
    with browser_of(scene, authorization=f"Bearer {scene.ben.token}") as script:
        assert send(script, scene.story.id, make_photo())["stage"] == "kept"
    with browser_of(scene, scene.ben.token, origin="http://evil.example") as foreign:
        assert begin(foreign, scene.story.id, b"x").status_code == 403


def test_nothing_is_taken_beyond_what_is_allowed(scene):
    scene.limit_uploads(largest_file="3 MB", most_per_member="4 MB")
    with browser_of(scene, scene.ben.token) as sender:
        assert begin(sender, scene.story.id, bytes(3_000_001)).status_code == 413
        address = begin(sender, scene.story.id, bytes(3_000_000)).headers["location"]
        assert begin(sender, scene.story.id, bytes(2_000_000)).status_code == 413

        read = 0

        def without_length():
            nonlocal read
            for _ in range(400):
                read += 100_000
                yield bytes(100_000)

        refused = send_piece(sender, address, 0, without_length())

        assert refused.status_code == 413
        assert "content-length" not in refused.request.headers
        # What had come so far is kept, and no more than that.
        assert sender.get(address).json()["received"] <= 3_000_000
        assert send_piece(sender, address, 0, b"", **{"content-length": "3000001"}).status_code == 413


def cut_off(browser, address: str, piece: bytes, headers: dict) -> None:
    """Begin to send, and hang up: below the test client, which sends whole requests only."""
    headers = {**PIECE, "upload-offset": "0", "content-length": "9999999", "host": "home.test", **headers}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "PATCH",
        "path": address,
        "raw_path": address.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    messages = iter([{"type": "http.request", "body": piece, "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    async def send(_message):
        pass

    asyncio.run(browser.app(scope, receive, send))


def png_bomb(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side // 8 + 1)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def hostile_files():
    """Files that look like photos, by their names, with how each is refused."""
    return {
        "page.jpg": (b"<!doctype html><script>alert(1)</script>", "This is a web page"),
        "drawing.png": (
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "We cannot show this kind",
        ),
        "polyglot.gif": (b"GIF89a/*" + b"\x00" * 40 + b"*/=1;alert(1)//", "This is"),
        "half.jpg": (make_photo(width=400, height=300)[:2000], "Part of this picture is missing"),
        "flood.png": (png_bomb(40_000), "This picture is too large: 40000 by 40000 pixels."),
        "archive.jpg": (b"PK\x03\x04" + bytes(100), "This is a packed folder"),
        "program.jpg": (b"MZ" + bytes(200), "This is a program"),
    }


def test_what_only_looks_like_a_photo_is_left_out_in_words(scene, sender):
    for file, (content, words) in hostile_files().items():
        state = send(sender, scene.story.id, content, file)

        assert (state["stage"], state["medium"]) == ("refused", None), file
        assert state["reason"].startswith(words), file
        korean = sender.get(f"/g/u/{state['id']}?lang=ko").json()
        assert any("가" <= letter <= "힣" for letter in korean["reason"]), file


def test_what_hides_behind_a_real_photo_is_never_shown(scene, sender):
    jpeg = make_photo(comment="<?php system('MARKER'); ?>")

    state = send(sender, scene.story.id, jpeg, "../../x\u202egpj.php\r\nX-Evil: 1")

    assert state["stage"] == "kept"
    for form in ("display", "thumbnail"):
        shown = sender.get(f"/g/m/{state['medium']}/{form}")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert b"MARKER" not in shown.content
    original = sender.get(f"/g/m/{state['medium']}/original")
    assert original.headers["content-disposition"].startswith("attachment")
    assert not {"x-evil"} & set(original.headers)
    assert ".." not in original.headers["content-disposition"]
    # Nor does the file lie open anywhere.
    for path in scene.instance.folder.rglob("*"):
        if path.is_file():
            assert b"MARKER" not in path.read_bytes(), path


def test_what_arrived_before_a_cut_is_kept(scene, sender):
    content = make_photo(width=900, height=700)
    address = begin(sender, scene.story.id, content).headers["location"]

    cut_off(sender, address, content[:5000], {"cookie": f"capsule={scene.ben.token}"})
    assert sender.get(address).json()["received"] == 5000

    # The daemon itself dies: another one goes on with what is there.
    with browser_of(scene, scene.ben.token) as later:
        assert later.get(address).json()["received"] == 5000
        assert send_piece(later, address, 5000, content[5000:]).headers["capsule-stage"] == "kept"


def test_what_was_whole_when_the_daemon_died_is_finished_at_the_next_start(scene, sender):
    story = add_story(scene.instance, scene.capsule, scene.ben.viewer, photos=0)
    content = make_photo()
    upload_id = begin(sender, story.id, content).headers["location"].removeprefix("/g/u/")
    uploads.receive(
        scene.instance.store,
        scene.instance.vault,
        scene.ben.viewer,
        upload_id,
        start=0,
        piece=content,
        now=scene.time.now,
    )
    receiver = sender.app.state.receiver

    receiver.resume()
    receiver.finish(upload_id).result(30)

    view = scene.story_as_ben_sees_it(story.id)
    assert len(view.media) == 1


def test_after_the_date_nothing_comes_in(scene, sender):
    address = begin(sender, scene.story.id, b"x" * 10).headers["location"]
    scene.time.go_to(OPENS - timedelta(seconds=1))
    assert send_piece(sender, address, 0, b"x").status_code == 204
    scene.time.go_to(OPENS)

    answer = send_piece(sender, address, 1, b"x")

    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "not_allowed")
    assert begin(sender, scene.story.id, b"x").status_code == 403
