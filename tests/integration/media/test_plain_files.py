"""Plain files: unsealed once for all who ask for a piece, read by each at a place of their own, and soon forgotten."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from memorycapsule.media.storage.plain_files import PlainFiles
from support.servers import wait_until

CONTENT = bytes(number % 251 for number in range(300_000))


class Unsealing:
    """Makes plain bytes, and counts how often."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.times = 0

    def __call__(self):
        self.times += 1
        plain = os.fdopen(os.memfd_create("plain"), "w+b")
        plain.write(self.content)
        return plain


def test_many_at_once_have_it_unsealed_once_and_read_their_own_pieces():
    plain, unseal, together = PlainFiles(), Unsealing(), threading.Barrier(8)

    def piece(number: int) -> bytes:
        together.wait()
        with plain.opened("a clip", unseal) as file:
            file.seek(number * 1000)
            return file.read(1000) + file.read(1000)

    with ThreadPoolExecutor(8) as people:
        pieces = list(people.map(piece, range(8)))

    assert pieces == [CONTENT[number * 1000 : number * 1000 + 2000] for number in range(8)]
    assert unseal.times == 1


def test_a_file_is_read_sought_and_asked_for_its_descriptor_as_any_other():
    with PlainFiles().opened("a clip", Unsealing()) as file:
        assert file.read() == CONTENT
        assert file.seek(-10, os.SEEK_END) == len(CONTENT) - 10
        assert file.read() == CONTENT[-10:]
        assert os.fstat(file.fileno()).st_size == len(CONTENT)
        assert os.pread(file.fileno(), 5, 100) == CONTENT[100:105]


@pytest.mark.slow
def test_what_nobody_asks_for_any_more_is_forgotten_and_closed():
    plain, unseal = PlainFiles(seconds=0.05), Unsealing()
    with plain.opened("a clip", unseal) as file:
        descriptor = file.fileno()
        wait_until(lambda: len(plain) == 0, 10, "it is forgotten")
        assert file.read(10) == CONTENT[:10], "whoever reads it reads on"
    del file
    gc.collect()

    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)
    plain.opened("a clip", unseal).close()
    assert unseal.times == 2


def test_what_cannot_be_unsealed_is_tried_again():
    plain = PlainFiles()

    def fail():
        raise OSError("gone")

    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            plain.opened("a clip", fail)
    assert len(plain) == 0
    with plain.opened("a clip", Unsealing()) as file:
        assert file.read(3) == CONTENT[:3]


def test_few_are_kept_and_those_that_were_asked_for_last():
    plain, unsealings = PlainFiles(), [Unsealing(bytes([number])) for number in range(5)]
    for number in (0, 1, 2, 0, 3, 4, 0):
        with plain.opened(str(number), unsealings[number]) as file:
            assert file.read() == bytes([number])

    assert len(plain) == 3
    assert [one.times for one in unsealings] == [1, 1, 1, 1, 1]
    plain.opened("1", unsealings[1]).close()
    assert unsealings[1].times == 2


@pytest.mark.slow
def test_what_makes_room_for_others_is_closed_at_once():
    gc.collect()  # what earlier tests have left open
    plain, before = PlainFiles(), open_plain_files()
    for number in range(6):
        plain.opened(str(number), Unsealing()).close()
    gc.collect()

    assert open_plain_files() - before == len(plain) == 3


def open_plain_files() -> int:
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            count += "memfd:plain" in str(descriptor.readlink())
    return count
