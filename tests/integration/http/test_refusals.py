"""Why a file was left out is said truly, on pages in their reader's language and to programs by a word."""

import io
import math
import struct
import subprocess
import wave

import pytest

from integration.http.test_uploads import TUS, begin, browser_of, metadata_of, send
from memorycapsule import processes
from memorycapsule.daemon.http.html.error_texts import refusal_text
from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media import clips, decoder_process
from memorycapsule.media.sniff import Window
from memorycapsule.words.catalogues import wording
from memorycapsule.words.error_sentences import sentence_of
from support.cast import make_photo

pytestmark = pytest.mark.slow


def recording(seconds: float, *, volume: float = 0.5) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        frames = range(round(8000 * seconds))
        sound.writeframes(
            b"".join(struct.pack("<h", round(32000 * volume * math.sin(n / 5))) for n in frames)
        )
    return file.getvalue()


REAL = {
    Refusal.SILENT: (
        recording(2, volume=0),
        "There is nothing to be heard in this. See that the microphone is on, and record it once more.",
        "아무 소리도 들리지 않아요. 마이크가 켜져 있는지 보고 다시 녹음해 주세요.",
        "is silent: there is nothing to be heard in it; see that the microphone is on.",
    ),
    Refusal.VOICE_TOO_SHORT: (
        recording(0.1),
        "This recording is too short to be heard. Record it once more, a little longer.",
        "녹음이 너무 짧아요. 조금 더 길게 다시 녹음해 주세요.",
        "is too short: there is less than a third of a second of sound in it.",
    ),
}


@pytest.fixture
def sender(scene):
    with browser_of(scene, scene.ben.token) as sender:
        yield sender


def told(scene, sender, state) -> tuple[str, str, dict]:
    """What is said of an upload: on the page in Korean, and by the API."""
    korean = sender.get(f"/g/u/{state['id']}?lang=ko").json()["reason"]
    api = sender.get(
        f"/api/v1/uploads/{state['id']}", headers={"authorization": f"Bearer {scene.ben.token}"}
    ).json()
    return korean, api["reason"], {"code": api["code"], "values": api["values"]}


@pytest.mark.parametrize("refusal", REAL)
def test_a_recording_in_which_nobody_is_heard_is_called_so(scene, sender, refusal):
    content, english, korean, predicate = REAL[refusal]

    state = send(sender, scene.story.id, content, "할머니.wav")

    assert (state["stage"], state["reason"], state["code"], state["values"]) == (
        "refused",
        english,
        refusal,
        {},
    )
    assert told(scene, sender, state) == (korean, predicate, {"code": refusal, "values": {}})
    page = sender.get(f"/g/c/{scene.capsule.id}/add?story={scene.story.id}")
    assert english in page.text
    page = sender.get(f"/g/c/{scene.capsule.id}/add?story={scene.story.id}&lang=ko")
    assert korean in page.text


def test_sound_in_the_container_of_clips_is_a_voice_note_and_no_clip(scene, sender, tmp_path):
    path = tmp_path / "sound.mp4"
    subprocess.run(
        [
            processes.ffmpeg_path(),
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "sine=d=2",
            "-brand",
            "isom",
            str(path),
        ],
        check=True,
    )

    (scene.instance.folder / "work").mkdir()

    state = send(sender, scene.story.id, path.read_bytes(), "sound.mp4")
    assert (state["stage"], state["code"], state["values"]) == ("kept", None, None)
    owner = scene.ada()
    for page in ("/", f"/c/{scene.capsule.id}/people"):
        assert "1 voice note" in owner.get(page).text
    own = f"/g/c/{scene.capsule.id}"
    for page in (f"{own}/leave", f"{own}/thanks?story={scene.story.id}", f"{own}/stories/{scene.story.id}"):
        assert "1 voice note" in sender.get(page).text

    with path.open("rb") as file, pytest.raises(MediaRefused) as raised:
        clips.read_clip(Window.of(file), "MP4")
    assert raised.value.reason == Refusal.NO_PICTURE
    said = [refusal_text(raised.value, wording(language)) for language in ("en", "ko")]
    assert said == [
        "There is sound in this but no picture, so we left it out.",
        "소리만 있고 영상이 없어서 뺐어요.",
    ]
    assert sentence_of(raised.value, wording("en")) == "holds sound but no picture."


def test_whoever_has_used_up_their_share_is_told_that_and_not_that_the_file_is_large(scene):
    scene.limit_uploads(most_per_member="1 MB")
    with browser_of(scene, scene.ben.token) as sender:
        english = begin(sender, scene.story.id, bytes(1_000_001))
        sender.get(f"/g/c/{scene.capsule.id}?lang=ko")
        korean = begin(sender, scene.story.id, bytes(1_000_001))
        sender.get(f"/g/c/{scene.capsule.id}?lang=en")
        bearer = {"authorization": f"Bearer {scene.ben.token}"}
        metadata = metadata_of(filename="a", story=scene.story.id)
        api = sender.post(
            "/api/v1/uploads",
            headers=TUS | bearer | {"upload-length": "1000001", "upload-metadata": metadata},
        )
        page = sender.get(f"/g/c/{scene.capsule.id}/add?story={scene.story.id}").text
        form = sender.post(
            f"/g/c/{scene.capsule.id}/add",
            data={"story": scene.story.id},
            files={"file": ("a.jpg", bytes(1_000_001))},
        )

    said = "There is no more room for it: each person can put in 0.001 GB."
    assert [answer.status_code for answer in (english, korean, api, form)] == [413] * 4
    assert english.json()["detail"] == said
    assert korean.json()["detail"] == "자리가 다 찼어요. 한 사람이 0.001 GB까지 넣을 수 있어요."
    assert said in page
    assert said in form.text
    problem = api.json()
    assert problem["detail"] == "There is no room for it: 0.001 GB may come from each."
    assert (problem["code"], problem["reason"], problem["values"]) == (
        "too_large",
        "quota_full",
        {"gigabytes": 0.001},
    )


def test_a_photo_that_takes_too_much_work_is_not_called_damaged(scene, sender, monkeypatch):
    monkeypatch.setattr(decoder_process, "CPU_SECONDS", -1)
    state = send(sender, scene.story.id, make_photo(width=6000, height=4000))

    assert (state["stage"], state["reason"], state["code"]) == (
        "refused",
        "Reading this took too long, so we left it out.",
        "decoding_too_long",
    )
    assert told(scene, sender, state) == (
        "읽는 데 너무 오래 걸려서 뺐어요.",
        "cannot be read: decoding it took too long.",
        {"code": "decoding_too_long", "values": {}},
    )


def test_a_file_that_is_too_large_is_told_to_programs_by_a_whole_sentence_and_listed_by_its_predicate(
    scene, sender
):
    bearer = {"authorization": f"Bearer {scene.ben.token}"}
    metadata = metadata_of(filename="a", story=scene.story.id)
    length = "2000000001"

    told = sender.post(
        "/api/v1/uploads", headers=TUS | bearer | {"upload-length": length, "upload-metadata": metadata}
    )

    problem = told.json()
    assert (told.status_code, problem["reason"]) == (413, "file_too_large")
    assert problem["detail"] == "This file is larger than 2,000 MB."
    assert sentence_of(MediaRefused(Refusal.FILE_TOO_LARGE, megabytes=2000), wording("en")) == (
        "is larger than 2,000 MB."
    )


def test_what_an_earlier_version_said_of_a_file_is_the_only_reason_and_stands_on_english_pages():
    kept = MediaRefused(Refusal.OTHER, sentence="is too blue.")

    assert refusal_text(kept, wording("en")) == "We cannot use this file, so we left it out. “is too blue.”"
    assert refusal_text(kept, wording("ko")) == "쓸 수 없는 파일이어서 뺐어요."
