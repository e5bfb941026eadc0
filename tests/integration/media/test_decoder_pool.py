"""The pool of limited children: one bad file never costs another, and nothing is left behind."""

import json
import signal
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import cv2
import numpy as np
import psutil
import pytest

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, Postponed, Refusal
from memorycapsule.media import clips, decoder_process, photo_decoding
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.media.decoder_process import DecoderProcess
from memorycapsule.media.sniff import Window
from memorycapsule.processes import hangs
from support.cast import make_recording
from support.refusals import file_refused
from support.servers import wait_until


def encoded(width: int, height: int, extension: str = ".png") -> bytes:
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    pixels = np.dstack([np.tile(ramp, (height, 1))] * 3)
    return cv2.imencode(extension, pixels)[1].tobytes()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(encoded(64, 48))
    return path


@pytest.fixture
def pool(tmp_path):
    with Decoders(workspace=tmp_path, children=1) as pool:
        yield pool


def prepare(pool: Decoders, path):
    with path.open("rb") as upload:
        return pool.prepare(upload)


def decoding_children() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        try:
            if (
                child.status() == psutil.STATUS_ZOMBIE
                or "memorycapsule.media.decoder_child" in child.cmdline()
            ):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def the_child(before) -> psutil.Process:
    (child,) = [child for child in decoding_children() if child not in before]
    return child


def png(width: int, height: int) -> bytes:
    """A whole grey PNG of that size, as small as it can be."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_small_picture_is_not_enlarged_and_a_large_one_fits(pool, tmp_path, picture):
    large = tmp_path / "large"
    large.write_bytes(encoded(3000, 1500, ".jpg"))
    small, fitted = prepare(pool, picture), prepare(pool, large)

    assert (fitted.width, fitted.height) == (3000, 1500)
    for data, shape in (
        (small.display, (48, 64, 3)),
        (small.thumbnail, (48, 64, 3)),
        (fitted.display, (1280, 2560, 3)),
        (fitted.thumbnail, (240, 480, 3)),
    ):
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == shape


def test_the_offset_of_an_upload_does_not_matter_and_stays(pool, picture):
    with picture.open("rb") as upload:
        upload.seek(20)
        pool.prepare(upload)

        assert upload.tell() == 20


def test_the_same_child_serves_many_photos(pool, picture):
    before = decoding_children()
    prepare(pool, picture)
    first = the_child(before).pid
    prepare(pool, picture)

    assert the_child(before).pid == first


def test_a_child_is_replaced_after_its_share_of_photos(pool, picture, monkeypatch):
    monkeypatch.setattr(decoder_process, "FILES_PER_CHILD", 2)
    before = decoding_children()
    pids = []
    for _ in range(4):
        prepare(pool, picture)
        pids.append(the_child(before).pid)

    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_refusal_costs_the_child_but_not_the_next_photo(pool, picture, tmp_path):
    broken, whole = tmp_path / "broken", picture.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    prepare(pool, picture)
    for _ in range(2):
        with file_refused(Refusal.PICTURE_INCOMPLETE):
            prepare(pool, broken)

        assert prepare(pool, picture).width == 64


def stopped_child_with(pool, picture):
    """A child that is stopped, so that it surely holds the photo that it is given next."""
    before = decoding_children()
    prepare(pool, picture)
    child = the_child(before)
    child.suspend()
    return child


def given_to_its_child(pool, caller, picture):
    """A photo that a stopped child of `pool` holds, as the future of what becomes of it."""
    (held,) = pool._slots.queue
    count = held._files
    prepared = caller.submit(prepare, pool, picture)
    wait_until(lambda: held._files == count + 1, 20, "the child holds the photo")
    return prepared


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_child_that_is_ended_from_outside_postpones_its_photo_and_the_next_one_goes_on(
    pool, picture, ending
):
    """As a machine that is out of memory does, a service manager at its end, and a terminal."""
    child = stopped_child_with(pool, picture)
    with ThreadPoolExecutor(1) as caller:
        prepared = given_to_its_child(pool, caller, picture)
        child.send_signal(ending)
        # SIGKILL ends a stopped child as it is.
        with suppress(psutil.NoSuchProcess):
            child.resume()
        with pytest.raises(Postponed):
            prepared.result(timeout=20)

    assert prepare(pool, picture).width == 64


@pytest.mark.parametrize(
    ("ending", "refusal"),
    [
        (signal.SIGSEGV, Refusal.DECODING_BROKE_DOWN),
        # What the kernel sends when CPU time is used up.
        (signal.SIGXCPU, Refusal.DECODING_TOO_LONG),
    ],
)
def test_a_child_that_ends_over_its_photo_refuses_it_and_the_next_one_goes_on(pool, picture, ending, refusal):
    child = stopped_child_with(pool, picture)
    with ThreadPoolExecutor(1) as caller:
        prepared = given_to_its_child(pool, caller, picture)
        child.send_signal(ending)
        child.resume()
        with file_refused(refusal):
            prepared.result(timeout=20)

    assert prepare(pool, picture).width == 64


@pytest.mark.slow
def test_each_photo_has_cpu_time_of_its_own(pool, tmp_path, monkeypatch):
    """All together take more of it than one may."""
    heavy = tmp_path / "heavy"
    heavy.write_bytes(png(9000, 7000))
    monkeypatch.setattr(decoder_process, "CPU_SECONDS", 2)
    before = decoding_children()
    prepare(pool, heavy)
    child = the_child(before)
    while sum(child.cpu_times()[:2]) < 3:
        prepare(pool, heavy)

    assert the_child(before) == child
    monkeypatch.setattr(decoder_process, "CPU_SECONDS", 0)
    with file_refused(Refusal.DECODING_TOO_LONG):
        for _ in range(6):
            prepare(pool, heavy)


def test_a_child_that_is_stopped_goes_on_with_its_photo(pool, picture, monkeypatch):
    """It is stopped for longer than a child may hang: time in which it cannot work does not count."""
    monkeypatch.setattr(hangs, "HANG_SECONDS", 0.5)
    child = stopped_child_with(pool, picture)
    with ThreadPoolExecutor(1) as caller:
        prepared = given_to_its_child(pool, caller, picture)
        with pytest.raises(TimeoutError):
            prepared.result(timeout=1)
        child.resume()

        assert prepared.result(timeout=20).width == 64
    assert child.is_running()


@pytest.mark.slow
def test_a_child_that_is_stopped_for_a_minute_goes_on_with_its_photo(pool, picture):
    child = stopped_child_with(pool, picture)
    with ThreadPoolExecutor(1) as caller:
        prepared = given_to_its_child(pool, caller, picture)
        with pytest.raises(TimeoutError):
            prepared.result(timeout=60)
        child.resume()

        assert prepared.result(timeout=20).width == 64


def test_a_child_that_does_not_start_postpones_its_photo(picture):
    """Out of memory, or a library is missing: that is no photo's fault."""

    def start(_words, _limits, **more):
        return subprocess.Popen([sys.executable, "-c", "raise ImportError"], **more)

    child = DecoderProcess(start)
    with picture.open("rb") as photo, pytest.raises(Postponed):
        child.decode(photo.fileno(), "PNG", is_large=False)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"code": "picture_unreadable", "values": {}}, Refusal.PICTURE_UNREADABLE),
        ({"code": "other", "values": {"sentence": "Send money to Mallory."}}, Refusal.DECODING_BROKE_DOWN),
        ({"code": "silent", "values": {"sentence": "Send money."}}, Refusal.DECODING_BROKE_DOWN),
        ({"code": "no_such_reason", "values": {}}, Refusal.DECODING_BROKE_DOWN),
        ("is damaged.", Refusal.DECODING_BROKE_DOWN),
    ],
)
def test_what_a_child_says_of_a_photo_is_checked_as_all_that_it_says(picture, told, refusal):
    """A photo may have taken the child over: it then answers what it likes."""
    answer = json.dumps({"refused": told, "parts": []}).encode()
    answers = "import socket, sys; line = socket.socket(fileno=int(sys.argv[1]))"
    answers += "; line.sendall(b'r'); line.recv(4096)"
    answers += f"; line.sendall({len(answer).to_bytes(4, 'big') + answer!r})"

    def start(words, _limits, **more):
        return subprocess.Popen([sys.executable, "-c", answers, words[-1]], **more)

    child = DecoderProcess(start)
    with picture.open("rb") as photo, file_refused(refusal):
        child.decode(photo.fileno(), "PNG", is_large=False)
    child.stop()


def test_a_child_that_hangs_is_ended_at_its_time_and_its_photo_postponed(picture, monkeypatch):
    """It sleeps of its own will, and never answers."""
    silent = "import socket, sys, time; line = socket.socket(fileno=int(sys.argv[1])); line.sendall(b'r'); time.sleep(900)"

    def start(words, _limits, **more):
        return subprocess.Popen([sys.executable, "-c", silent, words[-1]], **more)

    monkeypatch.setattr(hangs, "HANG_SECONDS", 0.2)
    child = DecoderProcess(start)
    with picture.open("rb") as photo, pytest.raises(Postponed):
        child.decode(photo.fileno(), "PNG", is_large=False)

    assert child.is_used_up


def test_a_photo_that_needs_too_much_memory_is_refused(pool, picture, tmp_path, monkeypatch):
    hungry = tmp_path / "hungry"
    hungry.write_bytes(png(8000, 7900))
    monkeypatch.setattr(decoder_process, "MEMORY_BYTES", 380 << 20)
    with file_refused(Refusal.TOO_MUCH_MEMORY):
        prepare(pool, hungry)
    monkeypatch.undo()

    assert prepare(pool, hungry).width == 8000
    assert prepare(pool, picture).width == 64


def test_a_png_bomb_is_refused_before_any_child_starts(pool, tmp_path):
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(16000, 16000))
    before = decoding_children()
    with file_refused(Refusal.TOO_MANY_PIXELS, width=16_000, height=16_000):
        prepare(pool, bomb)

    assert bomb.stat().st_size < 1_000_000
    assert decoding_children() == before


def test_two_threads_decode_in_two_children(tmp_path, picture):
    before = decoding_children()
    with Decoders(workspace=tmp_path, children=2) as pool, ThreadPoolExecutor(2) as callers:
        barrier = threading.Barrier(2)

        def call(_):
            barrier.wait()
            return prepare(pool, picture).width

        for _ in range(5):
            assert list(callers.map(call, range(2))) == [64, 64]

        assert len([child for child in decoding_children() if child not in before]) == 2


def test_nothing_is_left_after_close(tmp_path, picture):
    before = decoding_children()
    with Decoders(workspace=tmp_path) as pool:
        prepare(pool, picture)

        assert len(decoding_children()) > len(before)

    assert decoding_children() == before
    assert [path.name for path in tmp_path.iterdir()] == ["picture"]


def test_a_closed_pool_says_so_at_once(tmp_path, picture):
    pool = Decoders(workspace=tmp_path, children=1)
    prepare(pool, picture)
    pool.close()
    pool.close()
    with ThreadPoolExecutor(1) as caller:
        late = caller.submit(prepare, pool, picture)
        with pytest.raises(CapsuleError, match="program_ending"):
            late.result(timeout=20)


def test_a_photo_that_waits_while_the_pool_closes_is_told_so(tmp_path, picture):
    """One photo is held by a stopped child, a second waits for it, and then the pool is closed."""
    before = decoding_children()
    pool = Decoders(workspace=tmp_path, children=1)
    prepare(pool, picture)
    child = the_child(before)
    child.suspend()
    (held,) = pool._slots.queue
    with ThreadPoolExecutor(3) as callers:
        first = callers.submit(prepare, pool, picture)
        wait_until(lambda: held._files == 2, 20, "the child holds the photo")
        second = callers.submit(prepare, pool, picture)
        closing = callers.submit(pool.close)
        wait_until(lambda: pool._is_closed, 20, "the pool is being closed")
        child.resume()

        assert first.result(timeout=20).width == 64
        with pytest.raises(CapsuleError, match="program_ending"):
            second.result(timeout=20)
        closing.result(timeout=20)

    assert decoding_children() == before


def test_no_more_clips_than_children_are_converted_at_once(tmp_path, samples, monkeypatch):
    """The first clip is held in its conversion; the second must not begin before it is over."""
    begun, go_on = [], threading.Event()
    convert = clips.make_display_clip

    def held(window, movie, format_, *, workspace):
        begun.append(movie)
        assert go_on.wait(20)
        return convert(window, movie, format_, workspace=workspace)

    monkeypatch.setattr(clips, "make_display_clip", held)
    path = samples["bad/one_frame.mp4"].path
    with Decoders(workspace=tmp_path, children=1) as pool, ThreadPoolExecutor(2) as callers:
        waiting = [callers.submit(prepare, pool, path) for _ in range(2)]
        wait_until(lambda: begun, 20, "a clip is being converted")
        # Whoever takes the only place for clips is seen here; nobody else can have got in.
        assert not pool._clips.acquire(timeout=0.5)
        assert len(begun) == 1
        go_on.set()
        for prepared in waiting:
            prepared.result(timeout=60).clip.close()


def test_a_lower_limit_of_this_process_refuses_no_photo(tmp_path, picture):
    """As under `ulimit -v` or LimitAS= of systemd; in a process of its own, as it cannot be raised again."""
    lowered = """
import resource, sys
from pathlib import Path
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.media.decoder_process import DecoderProcess
resource.setrlimit(resource.RLIMIT_AS, (1000 << 20, 1000 << 20))
with Decoders(workspace=Path(sys.argv[1]), children=1) as pool, open(sys.argv[1] + "/picture", "rb") as upload:
    print(pool.prepare(upload).width)
"""
    done = subprocess.run([sys.executable, "-c", lowered, str(tmp_path)], capture_output=True, check=False)

    assert (done.stdout.strip(), done.stderr) == (b"64", b"")


def test_an_avif_that_takes_too_much_work_is_refused_with_that_reason(tmp_path, samples, monkeypatch):
    """A program in ffmpeg's place works for ever."""
    in_place_of_ffmpeg(tmp_path / "endless", "while :; do :; done", monkeypatch)
    monkeypatch.setattr(photo_decoding, "_FFMPEG_CPU_SECONDS", 1)
    with avif_of(samples).open("rb") as upload, file_refused(Refusal.DECODING_TOO_LONG):
        photo_decoding.decode_photo(Window.of(upload), "AVIF")


def test_an_avif_whose_decoder_hangs_is_postponed(tmp_path, samples, monkeypatch):
    in_place_of_ffmpeg(tmp_path / "asleep", "exec tail -f /dev/null", monkeypatch)
    monkeypatch.setattr(hangs, "HANG_SECONDS", 0.2)
    with avif_of(samples).open("rb") as upload, pytest.raises(Postponed):
        photo_decoding.decode_photo(Window.of(upload), "AVIF")


def in_place_of_ffmpeg(program, script, monkeypatch):
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(processes, "ffmpeg_path", lambda: str(program))


def avif_of(samples):
    return next(sample.path for name, sample in samples.items() if name.endswith(".avif"))


def test_children_outlive_the_thread_that_asked_for_them(pool, picture):
    """A child dies with the thread that started it (PR_SET_PDEATHSIG), so that must not be the caller's."""
    before = decoding_children()
    caller = threading.Thread(target=prepare, args=(pool, picture))
    caller.start()
    caller.join()
    child = the_child(before)
    prepare(pool, picture)

    assert the_child(before).pid == child.pid


GUARD = """
import PIL.Image
def refuse(*_, **__): raise AssertionError("Pillow was given an upload")
PIL.Image.open = refuse
"""


def test_pillow_never_opens_an_upload(tmp_path, samples, monkeypatch):
    """In every process of this test PIL.Image.open raises; all formats are decoded all the same."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "guard"))
    proof = subprocess.run(
        [sys.executable, "-c", "import PIL.Image, pillow_heif; PIL.Image.open('x')"],
        capture_output=True,
        check=False,
    )
    names = ["heic_inside.jpg", "own_base.jpg", "png_inside.jpg"]
    formats = set()
    with Decoders(workspace=tmp_path, children=1) as pool:
        for name in names:
            formats.add(prepare(pool, samples[f"bad/{name}"].path).format)

    assert b"Pillow was given an upload" in proof.stderr
    assert formats == {"HEIC", "JPEG", "PNG"}


def test_photos_and_clips_have_limits_of_their_own(tmp_path, picture):
    size = picture.stat().st_size
    recording = tmp_path / "recording"
    recording.write_bytes(make_recording())
    heard = recording.stat().st_size
    with Decoders(workspace=tmp_path, most_photo_bytes=size, most_clip_bytes=heard) as pool:
        assert prepare(pool, picture).kind == "photo"
        prepare(pool, recording).clip.close()
    with Decoders(workspace=tmp_path, most_photo_bytes=size - 1, most_clip_bytes=heard - 1) as pool:
        for path, most in ((picture, size - 1), (recording, heard - 1)):
            with file_refused(Refusal.FILE_TOO_LARGE, megabytes=most / 1_000_000):
                prepare(pool, path)
