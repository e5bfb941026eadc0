"""Files: their bytes, whole and in ranges, and the names they are saved under."""

import re
from urllib.parse import unquote

import pytest

from memorycapsule.daemon.http.protocol.files import FileAnswer, content_disposition
from memorycapsule.services.reading import OpenedFile

SIZE = 100_000
FILM = bytes(number % 251 for number in range(SIZE))


@pytest.fixture
def film(opened_scene):
    """Ask for the film of the opened capsule, as Ben."""
    path = f"/g/f/{opened_scene.film_id}/film.mp4"
    browser = opened_scene.browser(opened_scene.ben.token)
    return lambda method="GET", **headers: browser.request(method, path, headers=headers)


def test_the_whole_film_says_that_ranges_can_be_had(film):
    whole = film()

    assert (whole.status_code, whole.content) == (200, FILM)
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["content-length"] == str(SIZE)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["cache-control"].startswith("private, max-age=")
    assert whole.headers["cross-origin-resource-policy"] == "same-origin"
    assert "sandbox" in whole.headers["content-security-policy"]
    assert whole.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=99990-", 99_990, SIZE),
        ("bytes=99990-200000", 99_990, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
        ("bytes=-200000", 0, SIZE),
        ("bytes=0-", 0, SIZE),
    ],
)
def test_a_range_is_answered_with_its_bytes(film, asked, start, end):
    part = film(range=asked)

    assert (part.status_code, part.content) == (206, FILM[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert part.headers["content-length"] == str(end - start)
    assert film("HEAD", range=asked).headers["content-range"] == part.headers["content-range"]


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=100000-100001", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused_with_the_size(film, asked):
    refused = film(range=asked)

    assert (refused.status_code, refused.content) == (416, b"")
    assert refused.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes=" + "9" * 5000 + "-", ""],
)
def test_what_is_no_single_range_gets_the_whole(film, asked):
    assert (film(range=asked).status_code, len(film(range=asked).content)) == (200, SIZE)


def test_a_range_goes_on_only_with_the_same_film(film):
    tag = film().headers["etag"]

    assert film(**{"range": "bytes=5-9", "if-range": tag}).content == FILM[5:10]
    for other in ('"another"', f"W/{tag}", "Fri, 08 May 2026 09:00:00 GMT"):
        assert film(**{"range": "bytes=5-9", "if-range": other}).status_code == 200


def test_what_the_browser_has_is_not_sent_again(film):
    again = film(**{"if-none-match": film().headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_asking_for_the_head_sends_no_bytes(film):
    head = film("HEAD")

    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(SIZE))


def test_ones_own_sealed_photo_is_kept_by_nobody(scene):
    answer = scene.browser(scene.ben.token).get(f"/g/m/{scene.medium_id}/display")

    assert answer.headers["cache-control"] == "private, no-store"
    assert "etag" not in answer.headers
    assert answer.headers["content-type"] == "image/jpeg"


def test_the_original_is_saved_byte_for_byte_under_a_harmless_name(opened_scene):
    browser = opened_scene.browser(opened_scene.ben.token)
    answer = browser.get(f"/g/m/{opened_scene.medium_id}/original")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert b"MARKER photo" in answer.content
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    assert "set-cookie" not in answer.headers
    assert harmless(said)


def harmless(said: str) -> str:
    """Check a Content-Disposition, and return the name that it means."""
    form = re.fullmatch(
        r"(?:inline|attachment); filename=\"([A-Za-z0-9._ -]+)\"; filename\*=UTF-8''([\w!#$&+.^`|~%-]+)", said
    )
    assert form, said
    name = unquote(form[2])
    assert name.isprintable()
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")
    assert len(name) <= 120
    return name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("beach.jpg", "beach.jpg"),
        ("할머니 팔순.jpg", "할머니 팔순.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ('a".jpg', 'a".jpg'),
        ("a\r\nSet-Cookie: b=c.jpg", "a Set-Cookie: b=c.jpg"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        (".htaccess", "htaccess"),
        ("...", "file"),
        ("", "file"),
        ("x" * 300 + ".heic", "x" * 109 + ".heic"),
        ("🎂.mov", "🎂.mov"),
    ],
)
def test_any_name_becomes_one_that_every_system_can_keep(name, shown):
    assert harmless(content_disposition(name, as_download=True)) == shown


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("beach.jpg", "beach.jpg"),
        ("할머니 팔순, the summer.zip", "the summer.zip"),
        ("Été à Köln.jpg", "Ete a Koln.jpg"),
        ("할머니.jpg", "file.jpg"),
        ("할머니 1998 (2).jpg", "1998 _2.jpg"),
        ("사진.사진", "file"),
        ("🎂", "file"),
    ],
)
def test_old_clients_save_it_under_what_is_ascii_in_its_name(name, plain):
    assert f'filename="{plain}";' in content_disposition(name, as_download=True)


def test_a_file_is_closed_even_when_its_reader_goes_away(tmp_path):
    import asyncio

    path = tmp_path / "film"
    path.write_bytes(FILM * 30)
    stream = path.open("rb")
    answer = FileAnswer(
        OpenedFile(stream=stream, content_type="video/mp4", name="film.mp4", is_private=False), tag="x"
    )

    async def leave() -> None:
        async def receive():
            return {"type": "http.disconnect"}

        async def send(_message):
            await asyncio.sleep(0)

        await answer(
            {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.3"}}, receive, send
        )

    asyncio.run(leave())

    assert stream.closed
