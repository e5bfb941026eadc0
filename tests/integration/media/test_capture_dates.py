"""A photo's date is found wherever it stands, in whatever form, and of several the best place counts."""

import re
from datetime import date, datetime
from pathlib import Path

import pytest

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.media.metadata.date_sources import DateSource
from support import dated_photos as dated
from support.dated_photos import exif_block, jpeg, png, png_text, xmp_packet

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def taken(prepare, tmp_path):
    """When a photo was taken, by its bytes."""

    def taken(photo: bytes, name: str = "photo") -> CaptureTime | None:
        path = tmp_path / name
        path.write_bytes(photo)
        return prepare(path).taken

    return taken


def time(text: str, hours: float | None = None) -> CaptureTime:
    return CaptureTime(
        local=datetime.fromisoformat(text), offset_seconds=None if hours is None else int(hours * 3600)
    )


def instant(text: str) -> CaptureTime:
    return CaptureTime.of_instant(datetime.fromisoformat(text))


NOON = "2024:02:21 10:14:22"
CAMERA = {"Make": "Acme", "Model": "P1"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # Texts of every form, as `date_texts` knows them.
        ({"DateTimeOriginal": "2025:01:14 18:31:30+0000"}, time("2025-01-14T18:31:30", 0)),
        ({"DateTimeOriginal": "2025:01:14 18:31:30 +09:00"}, time("2025-01-14T18:31:30", 9)),
        ({"DateTimeOriginal": f"{NOON}.27"}, time("2024-02-21T10:14:22.270")),
        ({"DateTimeOriginal": "2024-02-21 10:14:22"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": "2024-02-21T10:14:22"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": "2024/02/21 10:14:22"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": "2024.02.21 10:14:22"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": "2024: 2:21  9: 5: 7"}, time("2024-02-21T09:05:07")),
        ({"DateTimeOriginal": f"{NOON} "}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": f"{NOON}\0\0\0"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": "2024:02:21 10:14"}, time("2024-02-21T10:14:00")),
        ({"DateTimeOriginal": "2024:02:21 10:14:60"}, time("2024-02-21T10:15:00")),
        ({"DateTimeOriginal": "2024:02:21 24:14:22"}, time("2024-02-22T00:14:22")),
        ({"DateTimeOriginal": "2024:02:21"}, CaptureTime.of_day(date(2024, 2, 21))),
        ({"DateTimeOriginal": "2024:02:21   :  :  "}, CaptureTime.of_day(date(2024, 2, 21))),
        ({"DateTimeOriginal": f"{NOON} 오전"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": "2024:02:21 \udcff\udcfe10:14:22"}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": f"{NOON}Z"}, instant("2024-02-21T10:14:22")),
        # Other types and directories than those of the standard.
        ({"DateTimeOriginal": NOON.encode()}, time("2024-02-21T10:14:22")),
        ({"main_DateTimeOriginal": NOON}, time("2024-02-21T10:14:22")),
        # Offsets.
        ({"DateTimeOriginal": NOON, "OffsetTimeOriginal": "+09:00"}, time("2024-02-21T10:14:22", 9)),
        ({"DateTimeOriginal": NOON, "OffsetTimeOriginal": "+0900"}, time("2024-02-21T10:14:22", 9)),
        ({"DateTimeOriginal": NOON, "OffsetTimeOriginal": "+9"}, time("2024-02-21T10:14:22", 9)),
        ({"DateTimeOriginal": NOON, "OffsetTimeOriginal": "-03:30"}, time("2024-02-21T10:14:22", -3.5)),
        ({"DateTimeOriginal": NOON, "OffsetTimeOriginal": "Z"}, instant("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": NOON, "OffsetTimeOriginal": "   :  "}, time("2024-02-21T10:14:22")),
        ({"DateTimeOriginal": NOON, "OffsetTime": "+08:00"}, time("2024-02-21T10:14:22", 8)),
        ({"DateTimeOriginal": NOON, "OffsetTimeDigitized": "+08:00"}, time("2024-02-21T10:14:22", 8)),
        (
            {"DateTimeOriginal": NOON, "OffsetTime": "+01:00", "OffsetTimeOriginal": "+08:00"},
            time("2024-02-21T10:14:22", 8),
        ),
        (
            {"DateTimeOriginal": NOON, "OffsetTime": "+01:00", "OffsetTimeOriginal": "+99:00"},
            time("2024-02-21T10:14:22", 1),
        ),
        ({"DateTimeOriginal": NOON, "TimeZoneOffset": -5}, time("2024-02-21T10:14:22", -5)),
        # Digits behind the seconds.
        ({"DateTimeOriginal": NOON, "SubSecTimeOriginal": "53"}, time("2024-02-21T10:14:22.530")),
        ({"DateTimeOriginal": NOON, "SubSecTimeOriginal": "053 "}, time("2024-02-21T10:14:22.053")),
        ({"DateTimeOriginal": NOON, "SubSecTime": "5"}, time("2024-02-21T10:14:22.500")),
        ({"DateTimeOriginal": NOON, "SubSecTimeOriginal": "  "}, time("2024-02-21T10:14:22")),
        # The next place where the first has no date.
        ({"DateTimeDigitized": "2005:08:01 12:30:00"}, time("2005-08-01T12:30:00")),
        (
            {"DateTimeOriginal": "0000:00:00 00:00:00", "DateTimeDigitized": "2014:12:31 23:00:00"},
            time("2014-12-31T23:00:00"),
        ),
        (
            {"DateTimeOriginal": "    :  :     :  :  ", "DateTimeDigitized": "2014:12:31 23:00:00"},
            time("2014-12-31T23:00:00"),
        ),
        ({"DateTimeOriginal": "", "DateTimeDigitized": "2014:12:31 23:00:00"}, time("2014-12-31T23:00:00")),
        ({"DateTimeOriginal": "2024:02:21", "DateTimeDigitized": NOON}, time("2024-02-21T10:14:22")),
        (
            {"DateTimeOriginal": "2024:02:20", "DateTimeDigitized": NOON},
            CaptureTime.of_day(date(2024, 2, 20)),
        ),
        ({**CAMERA, "DateTime": "2005:08:01 12:30:00"}, time("2005-08-01T12:30:00")),
        ({"Model": "P1", "DateTime": "2005:08:01 12:30:00"}, time("2005-08-01T12:30:00")),
        ({"DateTime": "2005:08:01 12:30:00"}, None),
        ({"Make": "  ", "DateTime": "2005:08:01 12:30:00"}, None),
        ({"GPSDateStamp": "2024:02:21", "GPSTimeStamp": (1, 14, 22)}, instant("2024-02-21T01:14:22")),
        ({"GPSDateStamp": "2024/2/21 ", "GPSTimeStamp": (1, 14, 22)}, instant("2024-02-21T01:14:22")),
        ({"GPSDateStamp": "2024:02:21"}, None),
        (
            {**CAMERA, "DateTime": NOON, "GPSDateStamp": "2024:02:20", "GPSTimeStamp": (1, 14, 22)},
            instant("2024-02-20T01:14:22"),
        ),
        ({**CAMERA}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("little", [True, False], ids=["little", "big"])
def test_exif_is_read_however_it_was_written(taken, tags, expected, little):
    assert taken(jpeg(exif=exif_block(little=little, **tags))) == expected


@pytest.mark.parametrize(
    "photo",
    [
        write(exif=exif_block(DateTimeOriginal=NOON, OffsetTime="+08:00"))
        for write in (jpeg, png, dated.webp, dated.heic, dated.avif, dated.tiff)
    ]
    + [
        png(
            texts=dated.png_raw_profile(
                kind, b"Exif\0\0" + exif_block(DateTimeOriginal=NOON, OffsetTime="+08:00")
            )
        )
        for kind in ("exif", "APP1")
    ],
    ids=["JPEG", "PNG", "WebP", "HEIC", "AVIF", "TIFF", "PNG raw profile", "PNG raw APP1"],
)
def test_exif_is_read_in_every_container(taken, photo):
    assert taken(photo) == time("2024-02-21T10:14:22", 8)


ZONED = "2024-05-01T20:15:30+09:00"
EVENING = time("2024-05-01T20:15:30", 9)


@pytest.mark.parametrize(
    "packet",
    [
        xmp_packet(exif_DateTimeOriginal=ZONED),
        xmp_packet(exif_DateTimeOriginal=ZONED, as_elements=True),
        xmp_packet(exif_DateTimeOriginal=f"<rdf:Seq><rdf:li>{ZONED}</rdf:li></rdf:Seq>", as_elements=True),
        xmp_packet(photoshop_DateCreated=ZONED),
        xmp_packet(photoshop_DateCreated=ZONED, as_elements=True),
        xmp_packet(exif_DateTimeDigitized=ZONED),
        xmp_packet(xmp_CreateDate=ZONED),
        xmp_packet(xmp_CreateDate=ZONED, as_elements=True, wrapped=False),
        xmp_packet(xmp_CreateDate=ZONED).decode().encode("utf-16"),
        b"\0\0  " + xmp_packet(exif_DateTimeOriginal=ZONED) + bytes(2048),
        # Cut off behind the date.
        xmp_packet(exif_DateTimeOriginal=ZONED).partition(b"</rdf:RDF")[0],
        # Another prefix.
        xmp_packet(exif_DateTimeOriginal=ZONED).replace(b":exif=", b":ns1=").replace(b"exif:", b"ns1:"),
    ],
)
def test_xmp_is_read_in_every_form(taken, packet):
    assert taken(jpeg(xmp=packet)) == EVENING


@pytest.mark.parametrize(
    "photo",
    [
        jpeg(xmp=xmp_packet(xmp_Rating="5"), more_xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        png(xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        png(packed_xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        png(texts=dated.png_raw_profile("xmp", xmp_packet(exif_DateTimeOriginal=ZONED))),
        dated.webp(xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        dated.heic(xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        dated.avif(xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        dated.tiff(xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
        dated.gif(xmp=xmp_packet(exif_DateTimeOriginal=ZONED)),
    ],
    ids=["JPEG extended", "PNG", "PNG packed", "PNG raw profile", "WebP", "HEIC", "AVIF", "TIFF", "GIF"],
)
def test_xmp_is_read_in_every_container(taken, photo):
    assert taken(photo) == EVENING


@pytest.mark.parametrize(
    "write", [jpeg, png, dated.webp, dated.heic, dated.avif], ids=["JPEG", "PNG", "WebP", "HEIC", "AVIF"]
)
def test_exif_goes_before_xmp_in_every_container(taken, write):
    exif = exif_block(DateTimeOriginal=NOON, OffsetTime="+08:00")
    photo = write(exif=exif, xmp=xmp_packet(exif_DateTimeOriginal=ZONED))

    assert taken(photo) == time("2024-02-21T10:14:22", 8)


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"<", b"not xml at all", xmp_packet(xmp_ModifyDate=ZONED), xmp_packet(exif_DateTimeOriginal="2024"),
        xmp_packet(exif_DateTimeOriginal="2024-05"), xmp_packet(exif_DateTimeOriginal="0000-00-00T00:00:00"),
        b'<!DOCTYPE a [<!ENTITY b "&b;&b;">]><a>&b;</a>',
    ],
)  # fmt: skip
def test_xmp_without_a_day_says_nothing(taken, packet):
    assert taken(jpeg(xmp=packet)) is None


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"exif_DateTimeOriginal": "2024-05-01"}, CaptureTime.of_day(date(2024, 5, 1))),
        ({"exif_DateTimeOriginal": "2024-05-01T20:15+09:00"}, time("2024-05-01T20:15:00", 9)),
        ({"exif_DateTimeOriginal": "2024-05-01T20:15:30.25"}, time("2024-05-01T20:15:30.250")),
        ({"exif_DateTimeOriginal": "2024-05-01T11:15:30Z"}, instant("2024-05-01T11:15:30")),
        ({"exif_GPSTimeStamp": "2024-05-01T11:15:30Z"}, instant("2024-05-01T11:15:30")),
        ({"exif_GPSTimeStamp": "2024-05-01T11:15:30"}, instant("2024-05-01T11:15:30")),
    ],
    ids=str,
)
def test_xmp_says_no_more_than_it_knows(taken, properties, expected):
    assert taken(jpeg(xmp=xmp_packet(**properties))) == expected


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "iTXt packed"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wed, 21 Feb 2024 10:14:22 +0900", time("2024-02-21T10:14:22", 9)),
        ("21 Feb 2024 10:14:22 GMT", instant("2024-02-21T10:14:22")),
        ("2024-02-21T10:14:22+09:00", time("2024-02-21T10:14:22", 9)),
        (NOON, time("2024-02-21T10:14:22")),
        ("2024-02-21", CaptureTime.of_day(date(2024, 2, 21))),
        ("long ago", None),
    ],
)
def test_png_says_when_it_was_made(taken, kind, text, expected):
    assert taken(png(texts=png_text(kind, text))) == expected


def test_when_a_png_was_last_changed_does_not_date_it(taken):
    changed = bytes([0x07, 0xE8, 2, 21, 10, 14, 22])

    assert taken(png(texts=dated.chunk(b"tIME", changed))) is None
    assert taken(png(texts=png_text("tEXt", NOON, keyword="date:modify"))) is None


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("20240501", "201530+0900", EVENING),
        ("20240501", "201530", time("2024-05-01T20:15:30")),
        # Programs that know no offset write zero, because the form asks for one.
        ("20240501", "201530+0000", time("2024-05-01T20:15:30")),
        ("20240501", "", CaptureTime.of_day(date(2024, 5, 1))),
        ("00000000", "201530+0900", None),
        ("", "201530+0900", None),
    ],
)
def test_iptc_is_read(taken, day, clock, expected):
    resources = dated.iptc_resource(day, clock)

    assert taken(jpeg(iptc=resources)) == expected
    assert taken(dated.tiff(iptc=resources)) == expected


def test_damaged_blocks_say_nothing_and_break_nothing(taken):
    for photo in (
        jpeg(iptc=b"8BIM"), jpeg(iptc=b"8BIM\x04\x04\0\0\xff\xff\xff\xff\x1c\x02"), jpeg(more_xmp=b"<x"),
        png(texts=dated.chunk(b"zTXt", b"Creation Time\0\0not compressed")),
        png(texts=dated.chunk(b"iTXt", b"XML:com.adobe.xmp")),
        png(texts=dated.chunk(b"zTXt", b"Raw profile type xmp\0\0" + b"\x78\x9c")),
        dated.gif(xmp=b"<x"), dated.webp(xmp=b"\xff" * 50),
    ):  # fmt: skip
        assert taken(photo) is None


#: A day of its own for every place, so that the answer says which of them was believed.
DAYS = {source: date(2001 + place, 5, 1) for place, source in enumerate(DateSource)}


def photo_of(sources: list[DateSource]) -> bytes:
    """A photo with all of these dates, a PNG where one of them is PNG's own."""
    days = {source: f"{DAYS[source]:%Y:%m:%d} 12:00:00" for source in sources}
    tags: dict[str, dated.Value] = {
        name: days[source]
        for source, name in (
            (DateSource.EXIF_ORIGINAL, "DateTimeOriginal"),
            (DateSource.EXIF_DIGITIZED, "DateTimeDigitized"),
            (DateSource.EXIF_CHANGED, "DateTime"),
        )
        if source in days
    }
    if DateSource.GPS in days:
        tags |= {"GPSDateStamp": days[DateSource.GPS][:10], "GPSTimeStamp": (12, 0, 0)}
    properties = {
        name: days[source]
        for source, name in (
            (DateSource.XMP_ORIGINAL, "exif_DateTimeOriginal"),
            (DateSource.XMP_CREATED, "photoshop_DateCreated"),
            (DateSource.XMP_DIGITIZED, "exif_DateTimeDigitized"),
            (DateSource.XMP_MADE, "xmp_CreateDate"),
        )
        if source in days
    }
    exif, xmp = exif_block(**CAMERA, **tags), xmp_packet(**properties)
    if DateSource.IPTC_CREATED in days:
        return jpeg(
            exif=exif, xmp=xmp, iptc=dated.iptc_resource(days[DateSource.IPTC_CREATED][:10].replace(":", ""))
        )
    creation = days.get(DateSource.PNG_CREATION)
    return png(exif=exif, xmp=xmp, texts=png_text("tEXt", creation) if creation else b"")


@pytest.mark.parametrize("without", [DateSource.PNG_CREATION, DateSource.IPTC_CREATED])
def test_of_several_dates_the_best_place_counts(taken, without):
    """No format has both PNG's own date and IPTC's."""
    sources = [source for source in DateSource if source is not without]

    believed = [taken(photo_of(sources[place:])).local.date() for place in range(len(sources))]
    assert believed == [DAYS[source] for source in sources]


def test_the_documentation_has_the_same_order():
    table = re.findall(r"^\| (\d+) \| (.+?) \|", (PROJECT / "docs/dates.md").read_text(), re.MULTILINE)

    places = [*(source.value for source in DateSource), "the name of the file"]
    assert table == [(str(rank), place) for rank, place in enumerate(places, start=1)]
