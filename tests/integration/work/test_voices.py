"""Voice notes in the film of a capsule: heard once it is open, and on its way nowhere to be found."""

import io
import subprocess

import numpy as np
import pytest
from structlog.testing import capture_logs

from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.media.intake import memory_copy
from memorycapsule.processes import ffmpeg_path
from memorycapsule.seal import envelopes
from memorycapsule.services import reading, stories
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.work import ticks
from memorycapsule.work.prerendering import Prerenderer
from support.cast import (
    OPENS,
    add_story,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
    make_recording,
)
from support.moments import NOW

VOICE = 2000


@pytest.fixture
def scene(tmp_path):
    """Two stories with photos; over those of the second, somebody speaks for eight seconds."""
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        capsule = make_capsule(instance, theme="classic")
        ben = join(instance, capsule, "Ben").viewer
        add_story(instance, capsule, ben, photos=[make_photo(number) for number in range(3)])
        story = add_story(instance, capsule, ben, photos=[make_photo(number) for number in range(5, 7)])
        (tmp_path / "decoding").mkdir(mode=0o700)
        with (
            Decoders(workspace=tmp_path / "decoding", children=1) as decoders,
            memory_copy(
                io.BytesIO(make_recording(seconds=8, frequency=VOICE)), limit_bytes=1 << 20
            ) as upload,
        ):
            note = stories.attach(
                instance.store, instance.vault, decoders.prepare, ben, story.id,
                file="voice.mp3", upload=upload, clock=lambda: NOW,
            )  # fmt: skip
        yield instance, capsule, note.medium


def film_of(instance, capsule):
    with instance.store.reading() as tx:
        return montage_store.of_opening(tx, capsule.id)


def opened(instance, time):
    time.go_to(OPENS)
    with capture_logs() as events:
        ticks.tick(make_context(instance, time))
    return next(event for event in events if event["event"] == "film.finished")


def strength(samples, first, stop):
    part = samples[round(first * 48000) : round(stop * 48000)]
    window = np.hanning(len(part))
    turn = np.exp(-2j * np.pi * VOICE * np.arange(len(part)) / 48000)
    return float(2 * np.abs(np.sum(part * window * turn)) / window.sum())


@pytest.mark.slow
def test_a_prerendered_film_gets_its_voices_when_it_is_open(scene, time):
    instance, capsule, note = scene
    context = make_context(instance, time)
    ticks.settle(context)
    assert Prerenderer(context=context).run() >= 1

    assert opened(instance, time)["segments_encoded"] == 0
    film = film_of(instance, capsule)
    assert (film.state, film.report) == (MontageState.READY, ())
    plan = MontagePlan.from_json(film.plan)
    (spoken,) = plan.placed_voices
    assert spoken.voice.id == note.id
    with reading.film_file(instance.store, instance.vault, instance.ada, film.id).stream as stream:
        done = subprocess.run(
            [ffmpeg_path(), "-v", "error", "-i", "-", "-f", "s16le", "-ac", "1", "-ar", "48000", "-"],
            input=stream.read(), capture_output=True, check=True,
        )  # fmt: skip
    samples = np.frombuffer(done.stdout, "<i2").astype(float) / 32768
    first, stop = spoken.first / plan.fps, spoken.stop / plan.fps
    assert stop - first == pytest.approx(8, abs=0.2)
    under, before, after = (
        strength(samples, *span)
        for span in ((first + 1, stop - 1), (first - 3, first - 1), (stop + 1, stop + 3))
    )
    assert under > 0.05
    assert max(before, after) < 0.2 * under


@pytest.mark.slow
@pytest.mark.parametrize("how", ["not a recording", "damaged"])
def test_a_note_that_cannot_be_read_is_left_out_and_named(scene, time, how):
    instance, capsule, note = scene
    path = instance.vault.blobs._path(note.clip_blob)
    if how == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(envelopes.seal_bytes(b"\0\0\0\x20ftypM4A no recording", capsule.recipient))

    opened(instance, time)

    film = film_of(instance, capsule)
    assert film.state is MontageState.DEGRADED
    (lack,) = film.report
    assert lack.of == note.id
    assert lack.reason in {"film_voice_left_out", "film_voice_unread", "film_voice_unplayable"}
    with instance.store.reading() as tx:
        assert story_store.media.get(tx, note.id).kind == "voice"
