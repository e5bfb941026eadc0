"""Films of real photos and clips: their colours, upright, joined without a seam, and a file that others accept."""

import io
import itertools
import json
import shutil
import subprocess
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from memorycapsule.domain.film.direction import Direction, StoryText, direct
from memorycapsule.domain.film.framing import display_size
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Encoder, FilmStyle, Move, Photo, Rect
from memorycapsule.domain.film.sizes import Size
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.processes import ffmpeg_path
from memorycapsule.render.made_with import made_with
from memorycapsule.render.segments import cut
from support.servers import is_missing

pytestmark = pytest.mark.slow
WHOLE = Rect(x=0, y=0, width=1, height=1)
#: As good as it gets: what is measured is the way from photo to frame, not the encoder's thrift.
FINE = Encoder(crf=4.0)
PLAIN = FilmStyle(
    title_seconds=1.0, end_seconds=1.0, photo_seconds=1.2, entrance_seconds=0.3, story_entrance_seconds=0.3
)


@pytest.fixture
def prepare(studio, photos):
    """Put a sample into the studio's folder of pictures, as a capsule would prepare it."""

    def prepare(name, **more):
        place = len(list(studio.pictures.iterdir()))
        with (
            Decoders(workspace=studio.folder) as decoders,
            (photos / name).open("rb") as upload,
        ):
            made = decoders.prepare(upload)
        file = f"{place:03}.{'mp4' if made.clip else 'jpg'}"
        if made.clip:
            with made.clip, (studio.pictures / file).open("wb") as out:
                shutil.copyfileobj(made.clip, out)
        else:
            (studio.pictures / file).write_bytes(made.display)
        width, height = display_size(made.width, made.height)
        values = {"story_id": "", "contributor": "Ada", "position": place, **more}
        return Picture(
            id=name,
            kind=made.kind,
            file=file,
            width=width,
            height=height,
            duration_seconds=made.duration_seconds or 0.0,
            has_sound=made.has_sound,
            **values,
        )

    return prepare


def filling(studio, picture, size):
    """Return the middle frame of a film whose frame is just this photo."""
    how = Direction(size=size, style=PLAIN, encoder=FINE)
    plan = direct(title="", pictures=[picture], direction=how)
    scenes = tuple(
        replace(
            scene,
            shots=tuple(
                replace(shot, fit="cover", move=Move(start=WHOLE, end=WHOLE))
                if isinstance(shot, Photo)
                else shot
                for shot in scene.shots
            ),
        )
        for scene in plan.scenes
    )
    plan = replace(plan, scenes=scenes)
    _, decoded = studio.film(plan)
    (placed,) = [placed for placed in plan.timeline if isinstance(placed.shot, Photo)]
    return decoded.frames[(placed.first + placed.stop) // 2]


def blocks(picture, columns, rows):
    """Return the mean colours of a grid, as CIE L*a*b* of D65 sRGB."""
    small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [("display_p3_from_iphone7.jpg", 800, 600), ("canon7d_adobergb.jpg", 400, 600)],
)
def test_wide_colours_match_their_srgb_rendering(studio, prepare, photos, name, width, height):
    frame = filling(studio, prepare(name), Size(width=width, height=height))
    with Image.open(photos / name) as photo:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.info["icc_profile"]))
        wanted = ImageCms.profileToProfile(photo.convert("RGB"), profile, ImageCms.createProfile("sRGB"))
    columns, rows = width // 20, height // 20
    difference = np.linalg.norm(
        blocks(frame, columns, rows) - blocks(np.asarray(wanted), columns, rows), axis=2
    )

    assert np.percentile(difference, 95) < 3
    assert difference.mean() < 1.5


@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_all_eight_orientations_stand_upright(studio, prepare, shape):
    pictures = [prepare(f"orientation/{shape}_{number}.jpg") for number in range(1, 9)]
    # Each in a story of its own: none shares its shot.
    pictures = [replace(picture, story_id=picture.id) for picture in pictures]
    how = Direction(size=Size(width=320, height=180), style=replace(PLAIN, zoom=1.0), length="full")
    plan = direct(title="", pictures=pictures, direction=how)
    _, decoded = studio.film(plan)
    shown = [
        decoded.frames[(placed.first + placed.stop) // 2].astype(int)
        for placed in plan.timeline
        if isinstance(placed.shot, Photo)
    ]

    assert len(shown) == 8
    turned = np.abs(shown[0] - shown[0][::-1, ::-1]).mean()
    for other in shown[1:]:
        # Its window of the picture may drift another way; upside down it would be as far off as `turned`.
        assert min(np.abs(shown[0] - other).mean(), turned) < turned / 2


@pytest.mark.parametrize("name", ["video/iphone6_hevc_rot270.mov", "video/apple_hevc_rot90.mov"])
def test_a_turned_hevc_clip_plays_upright(studio, prepare, photos, name):
    clip = prepare(name)
    plan = direct(
        title="", pictures=[clip], direction=Direction(size=Size(width=320, height=180), style=PLAIN)
    )
    _, decoded = studio.film(plan)
    placed = plan.timeline[1]
    # A short clip stands still at its end.
    at = (clip.duration_seconds - placed.shot.start_seconds) / 2
    frame = decoded.frames[placed.first + int(at * plan.fps)]
    # ffmpeg itself turns a clip upright when nobody keeps it from doing so.
    first = studio.ffmpeg(
        "-ss", str(placed.shot.start_seconds + at), "-i", str(photos / name),
        "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-",
    )  # fmt: skip
    upright = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]

    assert (upright.shape[0] > upright.shape[1]) == (clip.height > clip.width)
    inner = _cut_out(frame, clip.width / clip.height)
    ours, theirs = (
        cv2.resize(np.ascontiguousarray(one), (24, 24), interpolation=cv2.INTER_AREA)
        for one in (inner, upright)
    )
    right = np.abs(ours.astype(int) - theirs).mean()
    wrong = min(np.abs(np.rot90(ours, turns).astype(int) - theirs).mean() for turns in (1, 2, 3))
    assert right < wrong / 1.5


def _cut_out(frame, aspect):
    """Return the middle of a frame in the shape of the clip on it."""
    height, width = frame.shape[:2]
    tall = min(height, width / aspect) * 0.9
    wide = tall * aspect
    top, left = round((height - tall) / 2), round((width - wide) / 2)
    return frame[top : top + round(tall), left : left + round(wide)]


def test_joins_are_seen_by_nobody(studio, prepare):
    """No frame is missing or doubled, and the frames at a join are as good as those within segments."""
    names = [
        "iphone4_gps.jpg",
        "nikon_d750_tanners_ridge.jpg",
        "canon500d_exif_dims_lie.jpg",
        "pixel1_gps.jpg",
    ]
    pictures = [prepare(name) for name in names]
    size = Size(width=480, height=270)
    whole, segmented = (
        direct(
            title="Joins",
            pictures=pictures,
            direction=Direction(size=size, encoder=Encoder(segment_seconds=seconds), length="full"),
        )
        for seconds in (1000.0, 2.0)
    )
    _, one = studio.film(whole, name="one.mp4")
    film, many = studio.film(segmented, name="many.mp4")
    fine = replace(whole, encoder=replace(whole.encoder, crf=1.0))
    _, best = studio.film(fine, name="best.mp4")
    assert film.segments_encoded >= 5
    assert len(one.frames) == len(many.frames) == len(best.frames) == segmented.frames

    def noise(decoded):
        """Return the PSNR of every frame against nearly lossless ones, in dB."""
        error = (decoded.frames.astype(np.float32) - best.frames) ** 2
        return 10 * np.log10(255**2 / np.maximum(error.mean(axis=(1, 2, 3)), 1e-3))

    cuts = [segment.first for segment in cut(segmented, {p.id: "" for p in pictures}, made_with(), b"")][1:]
    quality, usual = noise(many), noise(one)
    for at in itertools.chain.from_iterable((at - 1, at) for at in cuts):
        assert quality[at] > np.percentile(usual, 5) - 2
    assert np.array_equal(one.sound, many.sound)


def test_others_accept_the_file_and_find_its_chapters(studio, prepare):
    stories = [
        StoryText(story_id=name, title=title, contributor="Ada")
        for name, title in (("a", "둘; =하나"), ("b", "The swing"))
    ]
    pictures = [
        prepare("iphone4_gps.jpg", story_id="a"),
        prepare("video/iphone6_rot90_h264.mov", story_id="b"),
    ]
    how = Direction(size=Size(width=320, height=180), style=PLAIN, length="full")
    plan = direct(
        title="여름 film", date_line="2016 – 2026", pictures=pictures, stories=stories, direction=how
    )
    _, decoded = studio.film(plan)

    assert {"둘; =하나", "The swing"} <= set(decoded.description.replace("\n", " : ").split(" : "))
    for fact in ("h264 (High)", "yuv420p(tv, bt709", "30 fps", "aac (LC)", "48000 Hz"):
        assert fact in decoded.description
    complaints = subprocess.run(
        [ffmpeg_path(), "-v", "warning", "-i", str(decoded.path), "-f", "null", "-"],
        capture_output=True, check=True,
    ).stderr  # fmt: skip
    assert complaints == b""
    if not shutil.which("mediainfo"):
        is_missing("MediaInfo is not here; on Debian it is in the package mediainfo.")
    report = json.loads(subprocess.check_output(["mediainfo", "--Output=JSON", str(decoded.path)]))
    tracks = {track["@type"]: track for track in report["media"]["track"]}
    assert (tracks["General"]["Title"], tracks["Video"]["Format"], tracks["Audio"]["Format"]) == (
        "여름 film",
        "AVC",
        "AAC",
    )
    assert tracks["General"]["IsStreamable"] == "Yes"
    assert "Menu" in tracks
    assert not any(
        "gps" in word.lower() or "location" in word.lower()
        for track in report["media"]["track"]
        for word in track
    )
    assert "ConformanceErrors" not in json.dumps(report)
