"""Pictures are analysed by a child: what draws the eye, what looks alike, how light it is, the best of a clip."""

import functools
import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from integration.media.face_models import magenta_model
from memorycapsule import processes
from memorycapsule.domain.film.near_duplicates import SAME_BITS, without_near_duplicates
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.media.picture_analysis import analyse_pictures, face_model_problem
from support.sentences import sentence

#: Photos that show different things.
SCENES = [
    "nikon_d750_tanners_ridge.jpg",
    "sony_a550_el_torcal.jpg",
    "pentax_k10d_cactus.jpg",
    "fujifilm_s3pro_cyclamen.jpg",
    "canon_r5_prairie_falcon.jpg",
    "canon7d_adobergb.jpg",
    "galaxys1_o6_gps.jpg",
    "pixel1_gps.jpg",
    "gray_o6_face.jpg",
    "iphone4_gps.jpg",
    "iphonexs_two_images_empty_icc.heic",
    "Olympus μ Digital 800.JPG",
    "denali_exif_icc.webp",
    "htc_desire_gps.jpg",
]


def analyse_in(folder, contents, *, seconds=10.0, durations=None, **options):
    """Analyse pictures that are given by name as BGR pixels, or as the bytes of a JPEG or a display clip."""
    pictures = []
    for name, content in contents.items():
        is_clip = name.endswith(".mp4")
        width, height = 2560, 1920
        if isinstance(content, np.ndarray):
            content = cv2.imencode(".jpg", content)[1].tobytes()
        if content.startswith(b"\xff\xd8\xff") and not content.endswith(b"not a picture"):
            height, width = pixels_of(content).shape[:2]
        (folder / name).write_bytes(content)
        pictures.append(
            Picture(
                id=name, kind="clip" if is_clip else "photo", file=name, width=width, height=height,
                duration_seconds=(durations or {}).get(name, 0.0), story_id="a", contributor="Ada",
            )
        )  # fmt: skip
    return analyse_pictures(folder, pictures, clip_seconds=seconds, **options), pictures


@pytest.fixture
def analyse(tmp_path):
    """`analyse_in` a folder of the test."""
    return functools.partial(analyse_in, tmp_path)


def bits(one: PictureAnalysis, other: PictureAnalysis) -> int:
    return (one.perceptual_hash ^ other.perceptual_hash).bit_count()


def pixels_of(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


#: Where a thing lies on a plain ground.
PLACES = [(0.25, 0.3), (0.75, 0.35), (0.5, 0.7), (0.85, 0.6)]
#: What a photo shows, and between which edges: left, top, right, bottom.
SUBJECTS = {
    "iphone13pro_depth.heic": (0.35, 0.3, 0.75, 0.85),  # the dog
    "canon_r5_prairie_falcon.jpg": (0.3, 0.4, 0.7, 0.75),  # the falcon on its ledge
    "pentax_k10d_cactus.jpg": (0.25, 0.1, 0.75, 0.8),  # the flower
    "kodak_pixpro_16mp.jpg": (0.4, 0.35, 0.56, 0.6),  # the moon
    "Olympus μ Digital 800.JPG": (0.1, 0.25, 0.9, 0.85),  # the ship
}


@pytest.fixture(scope="module")
def analysed(samples, decoders, tmp_path_factory):
    """What one child says of things on plain grounds, by their places, and of photos, by their names."""
    contents = {}
    for x, y in PLACES:
        picture = np.full((960, 1280, 3), (150, 160, 140), np.uint8)
        cv2.circle(picture, (round(x * 1280), round(y * 960)), 90, (40, 60, 220), -1)
        cv2.circle(picture, (round(x * 1280), round(y * 960)), 40, (240, 240, 240), -1)
        contents[f"{x} {y}.jpg"] = picture
    for name in SUBJECTS:
        with samples[name].path.open("rb") as upload:
            contents[f"{name}.jpg"] = decoders.prepare(upload).display
    analyses, _ = analyse_in(tmp_path_factory.mktemp("analysed"), contents)
    return analyses


@pytest.mark.parametrize(("x", "y"), PLACES)
def test_a_thing_on_a_plain_ground_is_what_matters(analysed, x, y):
    assert analysed[f"{x} {y}.jpg"].focus_x == pytest.approx(x, abs=0.06)
    assert analysed[f"{x} {y}.jpg"].focus_y == pytest.approx(y, abs=0.06)


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_focus_of_a_photo_is_on_its_subject(analysed, name):
    left, top, right, bottom = SUBJECTS[name]

    assert left <= analysed[f"{name}.jpg"].focus_x <= right
    assert top <= analysed[f"{name}.jpg"].focus_y <= bottom


def test_a_photo_changed_a_little_stays_alike(samples, prepare, analyse):
    photo = pixels_of(prepare(samples["nikon_d750_tanners_ridge.jpg"].path).display)
    half = cv2.resize(photo, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    analyses, pictures = analyse(
        {
            "whole.jpg": photo,
            "chat.jpg": cv2.imencode(".jpg", half, [cv2.IMWRITE_JPEG_QUALITY, 40])[1].tobytes(),
            "brighter.jpg": np.clip(photo * 1.12, 0, 255).astype(np.uint8),
            "darker.jpg": (photo * 0.85).astype(np.uint8),
            "warmer.jpg": np.clip(photo * np.array([0.92, 1, 1.06]), 0, 255).astype(np.uint8),
        }
    )

    assert max(bits(analyses["whole.jpg"], analysis) for analysis in analyses.values()) <= SAME_BITS
    described = [replace(picture, analysis=analyses[picture.id]) for picture in pictures]
    assert [picture.id for picture in without_near_duplicates(described)] == ["brighter.jpg"]


def test_different_photos_are_not_alike(samples, prepare, analyse):
    analyses, pictures = analyse(
        {f"{place}.jpg": prepare(samples[name].path).display for place, name in enumerate(SCENES)}
    )
    described = [replace(picture, analysis=analyses[picture.id]) for picture in pictures]

    assert len(analyses) == len(SCENES)
    assert (
        min(bits(analyses[one], analyses[other]) for one in analyses for other in analyses if one != other)
        > 12
    )
    assert without_near_duplicates(described) == tuple(described)


@pytest.mark.parametrize("scene", ["Landscape", "Portrait"])
@pytest.mark.slow
def test_all_orientations_of_a_scene_look_the_same_once_prepared(samples, prepare, analyse, scene):
    analyses, pictures = analyse(
        {
            f"{turn}.jpg": prepare(samples[f"orientation/{scene}_{turn}.jpg"].path).display
            for turn in range(1, 9)
        }
    )
    described = [replace(picture, analysis=analyses[picture.id]) for picture in pictures]

    assert max(bits(analyses["1.jpg"], analysis) for analysis in analyses.values()) <= SAME_BITS
    assert len(without_near_duplicates(described)) == 1
    assert np.ptp([analysis.focus_x for analysis in analyses.values()]) < 0.05
    assert np.ptp([analysis.focus_y for analysis in analyses.values()]) < 0.05


def test_light_and_cast_are_measured_in_stops_of_linear_light(analyse):
    def grey(level, cast=(1.0, 1.0, 1.0)):
        linear = np.full((200, 300, 3), level) * np.array(cast)[::-1]
        encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        return np.rint(encoded * 255).clip(0, 255).astype(np.uint8)

    coat = grey(0.18)
    coat[60:140, 100:180] = (30, 30, 200)
    burnt = grey(0.18)
    burnt[:60] = 255
    analyses, _ = analyse(
        {
            "middle.jpg": grey(0.18),
            "darker.jpg": grey(0.09),
            "warm.jpg": grey(0.18, (1.2, 1.0, 0.8)),
            "coat.jpg": coat,
            "burnt.jpg": burnt,
            "black.jpg": grey(0.0),
            "white.jpg": grey(1.0),
        }
    )

    assert analyses["middle.jpg"].exposure == pytest.approx(np.log2(0.18), abs=0.03)
    assert analyses["middle.jpg"].exposure - analyses["darker.jpg"].exposure == pytest.approx(1, abs=0.05)
    assert analyses["warm.jpg"].red == pytest.approx(np.log2(1.2), abs=0.05)
    assert analyses["warm.jpg"].blue == pytest.approx(np.log2(0.8), abs=0.05)
    assert abs(analyses["coat.jpg"].red) < 0.05
    assert analyses["burnt.jpg"].exposure == pytest.approx(analyses["middle.jpg"].exposure, abs=0.1)
    assert analyses["black.jpg"].exposure < -8
    assert analyses["white.jpg"].exposure == 0


def test_a_broken_picture_has_no_look_and_harms_no_other(analyse, samples):
    good = np.full((300, 400, 3), 90, np.uint8)
    analyses, _ = analyse(
        {
            "a.jpg": good,
            "broken.jpg": b"\xff\xd8\xff\xe0 not a picture",
            "broken.mp4": b"no clip",
            "empty.jpg": b"",
            "playlist.mp4": samples["bad/playlist_named.mp4"].path.read_bytes(),
            "z.jpg": good,
        },
        durations={"broken.mp4": 3.0, "playlist.mp4": 3.0},
    )

    assert set(analyses) == {"a.jpg", "z.jpg"}


def test_a_picture_that_kills_the_child_is_passed_over(analyse, tmp_path):
    """A length that is no number breaks the child; the next one goes on behind that picture."""
    good = np.full((300, 400, 3), 90, np.uint8)
    analyses, _ = analyse(
        {"a.jpg": good, "deadly.mp4": b"", "z.jpg": good, "deadlier.mp4": b""},
        durations={"deadly.mp4": float("nan"), "deadlier.mp4": float("nan")},
    )

    assert set(analyses) == {"a.jpg", "z.jpg"}


def test_whoever_waits_is_told_and_can_end_it(analyse):
    picture = np.full((300, 400, 3), 90, np.uint8)
    reported = []

    class Enough(Exception):
        pass

    def tell(share):
        reported.append(share)
        if len(reported) == 6:
            raise Enough

    analyse({"a.jpg": picture, "broken.jpg": b"", "b.jpg": picture, "c.jpg": picture}, on_progress=tell)
    with pytest.raises(Enough):
        analyse({"a.jpg": picture, "b.jpg": picture, "c.jpg": picture}, on_progress=tell)
    assert reported == pytest.approx([0.25, 0.5, 0.75, 1.0, 1 / 3, 2 / 3])


def test_the_smallest_picture_can_be_looked_at(analyse):
    analyses, _ = analyse(
        {"dot.jpg": np.full((1, 1, 3), 200, np.uint8), "line.jpg": np.zeros((2, 900, 3), np.uint8)}
    )

    assert {(analysis.focus_x, analysis.focus_y) for analysis in analyses.values()} == {(0.5, 0.42)}
    assert len(analyses) == 2


def test_faces_matter_more_than_anything_else_when_there_is_a_model(analyse, tmp_path):
    model = tmp_path / "faces.onnx"
    model.write_bytes(magenta_model())
    picture = np.full((960, 1280, 3), (150, 160, 140), np.uint8)
    cv2.circle(picture, (320, 400), 120, (20, 220, 240), -1)
    picture[200:360, 960:1120] = (255, 0, 255)
    nobody = cv2.flip(picture, 0)
    nobody[nobody[:, :, 1] == 0] = (200, 255, 200)
    analyses, _ = analyse({"faces.jpg": picture, "nobody.jpg": nobody}, face_model=model)

    assert face_model_problem(model) is None
    assert analyses["faces.jpg"].focus_x == pytest.approx(1040 / 1280, abs=0.02)
    assert analyses["faces.jpg"].focus_y == pytest.approx(280 / 960, abs=0.02)
    assert analyses["nobody.jpg"].focus_x < 0.6


def test_a_face_model_that_is_none_is_one_sentence_and_is_not_used(analyse, tmp_path):
    noise = tmp_path / "noise.onnx"
    noise.write_bytes(bytes(range(256)) * 9)
    picture = {"a.jpg": np.full((300, 400, 3), 90, np.uint8)}

    missing = tmp_path / "none.onnx"
    assert sentence(face_model_problem(missing)) == (
        f"There is no face model at {missing}; set film.face_model to a YuNet file (.onnx)."
    )
    assert sentence(face_model_problem(noise)) == (
        f"{noise} is no face model that can be used; film.face_model wants a YuNet file (.onnx)."
    )
    assert analyse(picture, face_model=noise) == analyse(picture)


def clip_of(path, frames, *, sound: np.ndarray | None = None, rate=30) -> bytes:
    """A display clip of BGR frames, all of one size, with mono sound of 8 kHz."""
    height, width = frames[0].shape[:2]
    silent = path / "silent.mp4"
    encoding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-g", "60"]
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24",
         "-s", f"{width}x{height}", "-r", str(rate), "-i", "-", *encoding, str(silent)],
        input=b"".join(frame.tobytes() for frame in frames), check=True,
    )  # fmt: skip
    if sound is None:
        return silent.read_bytes()
    loud = path / "loud.mp4"
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-y", "-i", str(silent), "-f", "s16le", "-ar", "8000",
         "-ac", "1", "-i", "-", "-c:v", "copy", "-c:a", "aac", "-ar", "48000", "-shortest", str(loud)],
        input=(sound * 32767).astype(np.int16).tobytes(), check=True,
    )  # fmt: skip
    return loud.read_bytes()


def meadow(rng):
    """A picture with detail everywhere."""
    noise = rng.integers(0, 255, (54, 96, 3), np.uint8)
    return cv2.resize(noise, (480, 270), interpolation=cv2.INTER_CUBIC)


def filmed(ground, second, *, blur=0.0, shake=0.0, ball=True):
    """What a camera sees at a second: a ball that rolls over a meadow."""
    rng = np.random.default_rng(round(second * 1000))
    across, down = rng.normal(0, shake, 2) if shake else (0.0, 0.0)
    shift = np.array([[1.0, 0, across], [0, 1.0, down]])
    frame = cv2.warpAffine(ground, shift, (480, 270), borderMode=cv2.BORDER_REFLECT)
    if ball:
        cv2.circle(frame, (round(60 + 120 * (second % 3)), 150), 32, (20, 20, 240), -1)
    return cv2.GaussianBlur(frame, (0, 0), blur) if blur else frame


@pytest.mark.slow
def test_the_best_part_of_a_clip_is_sharp_steady_and_alive(analyse, tmp_path):
    ground = meadow(np.random.default_rng(3))

    def at(second):
        if second < 4:
            return filmed(ground, second, blur=6)
        if second < 8:
            return filmed(ground, second, shake=30)
        if second < 12:
            return filmed(ground, second)
        if second < 16:
            return filmed(ground, second, ball=False)
        return filmed(ground, second) // 20

    clip = clip_of(tmp_path, [at(number / 30) for number in range(20 * 30)])
    analyses, _ = analyse({"clip.mp4": clip}, seconds=3.0, durations={"clip.mp4": 20.0})

    assert 8 <= analyses["clip.mp4"].best_seconds <= 9.2
    assert analyses["clip.mp4"].exposure > -3


@pytest.mark.slow
def test_voices_draw_the_film_to_them(analyse, tmp_path):
    ground = meadow(np.random.default_rng(4))
    time = np.arange(12 * 8000) / 8000
    voice = 0.3 * np.sin(2 * np.pi * 440 * time) * (1 + np.sin(2 * np.pi * 4 * time)) / 2
    rumble = 0.3 * np.sin(2 * np.pi * 60 * time)
    sound = np.where((time > 6) & (time < 9), voice, 0) + np.where(time < 3, rumble, 0)
    frames = [filmed(ground, number / 30) for number in range(12 * 30)]
    analyses, _ = analyse(
        {"loud.mp4": clip_of(tmp_path, frames, sound=sound), "silent.mp4": clip_of(tmp_path, frames)},
        seconds=3.0,
        durations={"loud.mp4": 12.0, "silent.mp4": 12.0},
    )

    assert analyses["loud.mp4"].best_seconds == pytest.approx(6, abs=0.5)
    # Where all is equally good, the earliest that is not the very beginning.
    assert analyses["silent.mp4"].best_seconds < 2
    assert analyses["silent.mp4"].best_seconds >= 0.5


@pytest.mark.parametrize(
    ("duration", "seconds", "best"), [(2.0, 10.0, 0.0), (2.0, 1.6, 0.2), (0.1, 10.0, 0.0)]
)
def test_a_clip_hardly_longer_than_what_is_shown_of_it_is_shown_in_its_middle(
    analyse, tmp_path, duration, seconds, best
):
    ground = meadow(np.random.default_rng(5))
    frames = [filmed(ground, number / 30) for number in range(round(duration * 30))]
    analyses, _ = analyse(
        {"clip.mp4": clip_of(tmp_path, frames)}, seconds=seconds, durations={"clip.mp4": duration}
    )

    assert analyses["clip.mp4"].best_seconds == pytest.approx(best, abs=0.11)


@pytest.mark.slow
def test_of_a_long_clip_only_the_promising_part_is_scored_closely(analyse, tmp_path):
    ground = meadow(np.random.default_rng(6))
    frames = [
        filmed(ground, number / 10, blur=0 if 70 <= number / 10 < 80 else 5) for number in range(100 * 10)
    ]
    clip = clip_of(tmp_path, frames, rate=10)
    analyses, _ = analyse({"clip.mp4": clip}, seconds=5.0, durations={"clip.mp4": 100.0})

    assert 69.5 <= analyses["clip.mp4"].best_seconds <= 75.5


def test_a_still_and_the_clip_around_it_look_alike(samples, prepare, analyse, tmp_path):
    """The two halves of a Live Photo: the clip sees a little less, and is compressed harder."""
    photo = pixels_of(prepare(samples["canon500d_exif_dims_lie.jpg"].path).display)
    photo = cv2.resize(photo, (960, 640))
    frames = [photo[8 + number // 15 : 632, 12:948][:620, :936] for number in range(75)]
    clip = clip_of(tmp_path, [cv2.resize(frame, (720, 480)) for frame in frames])
    analyses, _ = analyse({"still.jpg": photo, "clip.mp4": clip}, durations={"clip.mp4": 2.5})

    assert bits(analyses["still.jpg"], analyses["clip.mp4"]) <= 10


def test_the_child_speaks_one_json_line_for_each_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((300, 400, 3), 90, np.uint8))
    picture = {"kind": "photo", "side": 400, "duration": 0, "seconds": 0}
    request = {
        "face_model": None,
        "pictures": [{"id": "1", "file": "a.jpg", **picture}, {"id": "2", "file": "no.jpg", **picture}],
    }
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.media.picture_analysis", str(tmp_path)],
        input=json.dumps(request), capture_output=True, check=True, text=True,
    )  # fmt: skip
    first, second = map(json.loads, done.stdout.splitlines())

    assert (first["id"], set(first["analysis"])) == ("1", set(PictureAnalysis.__dataclass_fields__))
    assert second == {"id": "2", "analysis": None}
