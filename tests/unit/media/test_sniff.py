"""Files are known by their first bytes, and what is refused is named."""

from uuid import UUID

import pytest

from memorycapsule.errors import Refusal
from memorycapsule.media.sniff import is_photo, recognise
from support.refusals import file_refused


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = major + bytes(4) + b"".join(compatible)
    return (8 + len(body)).to_bytes(4, "big") + b"ftyp" + body


def _packets(length: int) -> bytes:
    """Packets of a transport stream; in those of 192 bytes a time comes first."""
    return 20 * (bytes(length - 188) + b"G" + bytes(187))


def windows_media(*objects: str) -> bytes:
    """The header of an ASF file with these objects in it."""
    return (
        UUID("75b22630-668e-11cf-a6d9-00aa0062ce6c").bytes_le
        + bytes(14)
        + b"".join(UUID(one).bytes_le + bytes(40) for one in objects)
    )


@pytest.mark.parametrize(
    ("head", "format_"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"GIF89a", "GIF"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "WebP"),
        (b"BM" + bytes(12) + (40).to_bytes(4, "little") + bytes(36), "BMP"),
        (b"II*\x00\x08\x00\x00\x00", "TIFF"),
        (b"MM\x00*\x00\x00\x00\x08", "TIFF"),
        (ftyp(b"heic", b"mif1"), "HEIC"),
        (ftyp(b"heix", b"mif1"), "HEIC"),
        (ftyp(b"mif1", b"mif1", b"heic"), "HEIC"),
        (ftyp(b"avif", b"mif1"), "AVIF"),
        (ftyp(b"mif1", b"avif"), "AVIF"),
        (ftyp(b"isom", b"avc1"), "MP4"),
        (ftyp(b"3gp5", b"isom"), "MP4"),
        (ftyp(b"qt  "), "MOV"),
        (b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat", "MOV"),
        (b"ID3\x04\x00", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "wav"),
        (ftyp(b"M4A ", b"isom"), "m4a"),
        (bytes(2000) + b"ID3\x04" + bytes(6), "mp3"),
        (b"\r\n" + 3 * (b"\xff\xfb\x90\x64" + bytes(413)), "mp3"),
        (bytes(16) + b"OggS\x00\x02", "ogg"),
        (b"ID3\x03\x00\x00\x00\x00\x00\x02ab" + b"fLaC\x00\x00\x00\x22", "flac"),
        (_packets(188), "MTS"),
        (_packets(192), "MTS"),
    ],
)
def test_a_format_is_known_by_its_first_bytes(head, format_):
    assert recognise(head) == format_


@pytest.mark.parametrize(
    ("head", "refusal", "values"),
    [
        (b"", Refusal.EMPTY, {}),
        (b"%PDF-1.7", Refusal.PDF, {}),
        (b"PK\x03\x04", Refusal.ARCHIVE, {"format": "ZIP"}),
        (b'<?xml version="1.0"?><svg xmlns="x">', Refusal.OTHER_DRAWING, {"format": "SVG"}),
        (b"<!DOCTYPE html><p>", Refusal.WEB_PAGE, {}),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///x", Refusal.PLAYLIST, {}),
        (b"ffconcat version 1.0\nfile x", Refusal.PLAYLIST, {}),
        ("그냥 글입니다".encode(), Refusal.TEXT, {}),
        (("가" * 2000).encode()[:4096], Refusal.TEXT, {}),
        (b"II*\x00\x10\x00\x00\x00CR\x02", Refusal.RAW, {}),
        (ftyp(b"crx "), Refusal.RAW, {}),
        (b"\xff\x0a", Refusal.OTHER_PICTURE, {"format": "JPEG XL"}),
        (b"\x1aE\xdf\xa3", Refusal.OTHER_VIDEO, {"format": "Matroska"}),
        (bytes(range(256)), Refusal.NOT_MEDIA, {}),
        (b"BM and other words", Refusal.TEXT, {}),
        (windows_media(), Refusal.OTHER_VIDEO, {"format": "Windows Media"}),
        (windows_media("2211b3fb-bd23-11d2-b4b7-00a0c955fc6e"), Refusal.COPY_PROTECTED, {}),
        (windows_media("298ae614-2622-4c17-b935-dae07ee9289c"), Refusal.COPY_PROTECTED, {}),
        (ftyp(b"aax ", b"aax "), Refusal.COPY_PROTECTED, {}),
        (ftyp(b"aaxc"), Refusal.COPY_PROTECTED, {}),
        (ftyp(b"odcf"), Refusal.COPY_PROTECTED, {}),
        (b"\x00\x01\x02\x03\x57\x90\x75\x36" + bytes(60), Refusal.COPY_PROTECTED, {}),
        (b"\n  OggS is what they call it", Refusal.TEXT, {}),
        (b"GGGG are letters of a text and no packets\n" * 99, Refusal.TEXT, {}),
        (bytes(4096), Refusal.NOT_MEDIA, {}),
    ],
)
def test_a_refusal_says_what_the_file_is_instead(head, refusal, values):
    with file_refused(refusal, **values):
        recognise(head)


def test_a_recording_of_a_browser_is_known_and_is_no_photo():
    webm = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d")

    assert recognise(webm) == "webm"
    assert not is_photo(recognise(webm))
    assert is_photo(recognise(b"\xff\xd8\xff\xe0"))
