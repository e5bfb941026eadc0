"""The film page: it is for members of an open capsule, and further films are as the form asked."""

import io
import math
import re
import struct
import wave
import zipfile
from dataclasses import replace

import pytest

from memorycapsule.domain.film.montages import MOST_FAILURES, SONG, MontageState, Omission
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.errors import RenderFailed
from memorycapsule.services import reading
from memorycapsule.services.film import montages, preparation
from memorycapsule.services.film.material import plan_film, read_material
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import montages as montage_store
from support.cast import add_story, attach, make_photo


@pytest.fixture
def three(scene):
    """Ben's three stories in the open capsule, whose film is ready; their ids."""
    more = [
        add_story(scene.instance, scene.capsule, scene.ben.viewer, title=title, photos=1).id
        for title in ("Harbour", "Market")
    ]
    scene.open()
    scene.film_id = scene.finish_film()
    return [scene.story.id, *more]


def film_page(scene):
    return f"/g/c/{scene.capsule.id}/film"


def request_film(scene, browser=None, files=None, **form):
    browser = browser or scene.browser(scene.ben.token)
    scene.time.go_on(seconds=1)
    return browser.post(f"/g/c/{scene.capsule.id}/films", data=form, files=files or {"own": ("", b"")})


def newest(scene):
    with scene.instance.store.reading() as tx:
        return montage_store.of_capsule(tx, scene.capsule.id)[-1]


def a_song() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(8000)
        song.writeframes(b"".join(struct.pack("<h", round(9000 * math.sin(n / 5))) for n in range(8000)))
    return file.getvalue()


def test_stories_are_taken_in_the_order_in_which_they_are_sent(scene, three):
    answer = request_film(scene, story=[three[2], three[0]], length="short", song="museum")
    film = newest(scene)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{film_page(scene)}?of={film.id}"
    assert film.story_ids == (three[2], three[0])
    assert (film.length, film.music, film.soundtrack_blob) == ("short", "museum", None)


def test_without_scripts_numbers_say_the_order(scene, three):
    request_film(
        scene,
        **{f"place-{three[0]}": "3", f"place-{three[2]}": "1", f"place-{three[1]}": " "},
        length="usual",
    )

    assert newest(scene).story_ids == (three[2], three[0])
    assert newest(scene).length is None


def test_a_song_of_ones_own_is_taken_when_it_plays(scene, three):
    song = a_song()
    answer = request_film(scene, song="own", files={"own": ("노래.wav", song, "audio/wav")})
    with scene.instance.store.reading() as tx:
        assert answer.status_code == 303
        with scene.instance.vault.source_of(tx, newest(scene).soundtrack_blob).open() as kept:
            assert kept.read() == song


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"own": ("notes.mp3", b"no song", "audio/mpeg")},
            "No film was begun with “notes.mp3”. This is not music.",
        ),
        (None, "choose its file"),
    ],
)
def test_one_that_does_not_play_is_refused_in_words_and_the_choice_stays(scene, three, files, said):
    before = newest(scene)
    answer = request_film(scene, story=[three[1]], song="own", files=files)

    assert answer.status_code == 422
    assert said in answer.text
    assert f'data-order="{three[1]}"' in answer.text
    assert newest(scene) == before


def test_a_title_is_shown_wherever_the_film_is(scene, three):
    request_film(scene, title="가을 1/2")
    film_id = scene.finish_film()
    browser = scene.browser(scene.ben.token)

    assert '<h1 id="film-heading">가을 1/2</h1>' in browser.get(f"{film_page(scene)}?of={film_id}").text
    assert "<b>가을 1/2</b>" in browser.get(film_page(scene)).text
    kept = browser.get(f"/g/f/{film_id}/film.mp4?keep=1").headers["content-disposition"]
    assert kept.endswith("filename*=UTF-8''%EA%B0%80%EC%9D%84%201%202.mp4")


def test_a_title_that_is_too_long_is_said_in_words_and_the_choice_stays(scene, three):
    answer = request_film(scene, title="a" * 201, story=[three[1]])

    assert answer.status_code == 422
    assert "longer than 200 letters" in answer.text
    assert f'data-order="{three[1]}"' in answer.text
    assert f'value="{"a" * 201}"' in answer.text
    assert newest(scene).is_opening


def test_the_queue_of_one_person_ends_with_a_sentence(scene, three):
    for _ in range(5):
        assert request_film(scene).status_code == 303

    assert "Five films of yours" in request_film(scene).text


def test_progress_is_told_and_whoever_asked_takes_the_film_back(scene, three):
    request_film(scene, story=[three[0], three[1]])
    film = newest(scene)
    attempt = montages.claim(scene.instance.store, film.id, lease="this run", now=scene.time.now)
    scene.time.go_on(seconds=60)
    montages.note_progress(scene.instance.store, attempt, 0.25)
    browser = scene.browser(scene.ben.token)
    told = {one["id"]: one for one in browser.get(f"{film_page(scene)}/progress").json()["films"]}

    assert told[film.id] == {
        "id": film.id, "state": "rendering", "percent": 25, "say": "Being sewn: 25 %, about 3 minutes left",
    }  # fmt: skip
    page = browser.get(f"{film_page(scene)}?of={film.id}").text
    assert "and one more" in page
    assert "http-equiv" in page
    gone = browser.post(f"/g/c/{scene.capsule.id}/films/{film.id}/cancel")
    assert gone.status_code == 303
    assert newest(scene).state is MontageState.CANCELLED
    assert film.id not in browser.get(film_page(scene)).text


def test_a_film_of_another_capsule_cannot_be_cancelled_through_this_one(scene, three):
    film = newest(scene)
    path = f"/g/c/{scene.capsule.id}/films/{film.id}/cancel"

    assert scene.browser(scene.cleo.token).post(path).status_code == 404
    assert scene.browser(scene.ben.token).post(path).status_code == 403, "that of the opening"


def test_the_owner_has_a_button_for_a_film_that_failed_and_nobody_else(scene):
    scene.open()
    film = newest(scene)
    for _ in range(MOST_FAILURES):
        attempt = montages.claim(scene.instance.store, film.id, lease="this run", now=scene.time.now)
        failure = RenderFailed("renderer_hung")
        montages.fail(scene.instance.store, scene.instance.wake, attempt, failure, now=scene.time.now)
    path, words = f"/g/c/{scene.capsule.id}/films/{film.id}/retry", "The renderer hung"

    theirs = scene.browser(scene.ben.token).get(film_page(scene)).text
    assert path not in theirs
    assert words not in theirs
    assert scene.browser(scene.ben.token).post(path).status_code == 403
    assert scene.browser(scene.cleo.token).post(path).status_code == 404
    page = scene.ada().get(film_page(scene)).text
    assert path in page
    assert words in page

    assert scene.ada().post(path).headers["location"] == f"{film_page(scene)}?of={film.id}"
    assert newest(scene).state is MontageState.QUEUED
    assert path not in scene.ada().get(film_page(scene)).text


def test_the_length_of_a_choice_is_told(scene, three):
    browser = scene.browser(scene.ben.token)

    def estimate(*story_ids, **more):
        return browser.get(f"{film_page(scene)}/length", params={"story": story_ids, **more}).json()

    assert estimate(three[1])["say"].startswith("One story, about 0:")
    assert estimate()["say"].startswith("All stories, about 0:")
    assert estimate(three[1])["seconds"] < estimate(*three)["seconds"]
    assert browser.get(f"{film_page(scene)}/length", params={"length": "forever"}).status_code == 404


def test_chapters_and_captions_are_told_from_the_plan_that_was_followed(scene, three, tmp_path):
    store, vault = scene.instance.store, scene.instance.vault
    request_film(scene, story=[three[1]])
    attempt = montages.claim(store, newest(scene).id, lease="this run", now=scene.time.now)
    prepared = preparation.prepare(
        store, vault, attempt, tmp_path, size=scene.app.rendering.size, fps=scene.app.rendering.fps
    )
    for name in ("film.mp4", "poster.jpg"):
        (tmp_path / name).write_bytes(b"x")
    followed = MontagePlan.from_json(prepared.plan.to_json().replace("Harbour", "Hafen"))
    rendered = montages.RenderedFilm(
        film=tmp_path / "film.mp4",
        poster=tmp_path / "poster.jpg",
        seconds=9,
        report=(),
        plan=followed.to_json(),
    )
    assert montages.keep(store, vault, scene.instance.wake, attempt, rendered, now=scene.time.now)
    browser = scene.browser(scene.ben.token)
    chapters = browser.get(f"/g/f/{attempt.id}/chapters.vtt")

    assert chapters.headers["content-type"].startswith("text/vtt")
    assert "\nHafen\n" in chapters.text
    assert "Hafen" in browser.get(f"/g/f/{attempt.id}/captions.vtt").text
    assert f"/g/f/{attempt.id}/captions.vtt" in browser.get(f"{film_page(scene)}?of={attempt.id}").text
    assert scene.browser(scene.cleo.token).get(f"/g/f/{attempt.id}/chapters.vtt").status_code == 404
    assert reading.film(store, scene.ben.viewer, attempt.id).plan == followed


@pytest.mark.parametrize(
    ("chosen", "language", "end_line"), [(None, "en", "Put together by"), ("ko", "ko", "함께 담은 사람들")]
)
def test_a_film_says_what_it_says_in_the_language_of_its_capsule(scene, chosen, language, end_line):
    with scene.instance.store.transaction() as tx:
        capsule = capsule_store.capsules.get(tx, scene.capsule.id)
        capsule_store.capsules.save(tx, replace(capsule, film_language=chosen))
    scene.open()
    film = newest(scene)
    material = read_material(
        scene.instance.store, scene.instance.vault, film, scene.app.rendering.size, scene.app.rendering.fps
    )
    plan = plan_film(material, material.direction, material.pictures)

    assert plan.language == language
    assert end_line in plan.to_json()


@pytest.mark.parametrize(("language", "song"), [("en", "“A Table in the Sun”"), ("ko", "‘햇살 드는 식탁’")])
def test_a_film_s_song_is_called_as_in_the_list_of_songs_whatever_the_film_says(scene, three, language, song):
    request_film(scene, story=[three[1]], song="photocard")
    film_id = scene.finish_film()
    with scene.instance.store.reading() as tx:
        known = montage_store.montages.get(tx, film_id)
    material = read_material(
        scene.instance.store, scene.instance.vault, known, scene.app.rendering.size, scene.app.rendering.fps
    )
    with scene.instance.store.transaction() as tx:
        plan = plan_film(material, material.direction, material.pictures).to_json()
        montage_store.montages.save(tx, replace(known, plan=plan))
    assert '"title": "A Table in the Sun"' in plan, "the owner reads English"

    scene.reads(scene.ben.viewer, language)
    page = scene.browser(scene.ben.token).get(f"{film_page(scene)}?of={film_id}").text
    assert song in page.partition('class="muted">')[2].partition("</div>")[0]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            [
                "The song could not be played, so the film has the theme’s own music.",
                "2 photos by Ben could not be read.",
                "The words of one story by Ben could not be read.",
                "One photo, clip or voice note could not be read.",
            ],
        ),
        (
            "ko",
            [
                "고른 노래를 틀 수 없어 테마의 음악을 담았어요.",
                "Ben 님의 사진 2장은 열리지 않아 담지 못했어요.",
                "Ben 님의 이야기 1편은 글이 열리지 않아 담지 못했어요.",
                "사진이나 영상, 목소리 가운데 1개는 열리지 않아 담지 못했어요.",
            ],
        ),
    ],
)
def test_what_a_film_does_without_is_told_in_the_reader_s_language(scene, language, told):
    second = attach(scene.instance, scene.ben.viewer, scene.story, make_photo()).medium.id
    scene.open()
    lacking = (SONG, scene.medium_id, second, scene.story.id, "what nothing can be read of")
    scene.finish_film(*(Omission(of=one, reason="other", values={"sentence": "ENGLISH"}) for one in lacking))

    scene.reads(scene.ben.viewer, language)
    page = scene.browser(scene.ben.token).get(film_page(scene)).text

    assert re.findall("<li>([^<]+)</li>", page.partition("</summary><ul>")[2].partition("</ul>")[0]) == told
    assert "ENGLISH" not in page


def test_what_went_wrong_with_a_film_is_told_in_the_reader_s_language_and_to_programs_in_english(scene):
    scene.open()
    film_id = scene.finish_film(
        Omission(of="", reason="renderer_hung"),
        Omission(of="", reason="other", values={"sentence": "A photo of Ben could not be read."}),
    )

    scene.reads(scene.ben.viewer, "ko")
    page = scene.browser(scene.ben.token).get(film_page(scene)).text
    assert "필름을 만들다가 멈춰 있어서 끝냈어요." in page
    # What an earlier version said, as it said it.
    assert "A photo of Ben could not be read." in page
    api = scene.browser(authorization=f"Bearer {scene.ben.token}").get(f"/api/v1/montages/{film_id}").json()
    assert api["montage"]["report"] == [
        "The renderer hung, and was ended.",
        "A photo of Ben could not be read.",
    ]


def test_before_the_date_there_is_no_door_to_any_of_it(scene):
    browser, home = scene.ada(), f"/g/c/{scene.capsule.id}"

    for path in ("/film", "/film/progress", "/film/length", "/everything.zip"):
        assert browser.get(home + path).status_code == 404
    assert browser.post(f"{home}/films", data={"song": ""}).status_code == 404


def test_everything_comes_as_a_zip_of_the_length_that_was_said(scene, three):
    browser = scene.browser(scene.ben.token)
    path = f"/g/c/{scene.capsule.id}/everything.zip"
    answer = browser.get(path)

    assert answer.headers["content-length"] == str(len(answer.content))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert any(name.endswith("films/01 Summer at the Sea.mp4") for name in names)
        assert all(not name.startswith("/") and ".." not in name for name in names)
    assert scene.browser(scene.cleo.token).get(path).status_code == 404


def test_a_download_that_broke_off_goes_on_with_the_same_bytes(scene, three):
    browser = scene.browser(scene.ben.token)
    path = f"/g/c/{scene.capsule.id}/everything.zip"
    whole = browser.get(path)
    scene.time.go_on(days=3)
    rest = browser.get(path, headers={"range": "bytes=1500-", "if-range": whole.headers["etag"]})

    assert (rest.status_code, rest.content) == (206, whole.content[1500:])
    assert rest.headers["content-range"] == f"bytes 1500-{len(whole.content) - 1}/{len(whole.content)}"
    changed = browser.get(path, headers={"range": "bytes=1500-", "if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    assert browser.get(path, headers={"range": f"bytes={len(whole.content)}-"}).status_code == 416


def test_built_in_songs_can_be_listened_to(scene):
    browser = scene.browser()
    song = browser.get("/g/soundtracks/museum.m4a", headers={"range": "bytes=4-7"})

    assert (song.status_code, song.content) == (206, b"ftyp")
    assert browser.get("/g/soundtracks/opera.m4a").status_code == 404
