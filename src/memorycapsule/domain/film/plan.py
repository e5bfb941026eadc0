"""
The montage plan: pure data that decides every frame of a film.

A plan is scenes, a scene is shots, and a shot lasts a whole number of frames. A shot enters while the one before it
is still there: `entrance_frames` is how long the two overlap, and `entrance` says what is seen then. So the film
lasts the sum of all shots less the sum of all overlaps, and at most two shots are ever seen at once. Voices are heard
over the shots of their scene, one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from memorycapsule.domain.film.plan_json import read_value
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.film.voices import PlacedVoice, Voice, place_voices
from memorycapsule.errors import PlanRefused

#: Counts changes of meaning. Plans of version 2 have no voices, those of 3 say no language; others are refused.
PLAN_VERSION = 4
_UNDERSTOOD = (2, 3, PLAN_VERSION)

#: How a shot takes the place of the one before it. Any stage can do any of them; each theme has its own:
#: turn and fan on the table, walk and doorway in the gallery, outline and folder on the desktop.
Entrance = Literal["crossfade", "turn", "fan", "walk", "doorway", "outline", "folder"]


@dataclass(frozen=True, kw_only=True)
class Rect:
    """A part of a picture; 0..1 of its width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Move:
    """What the film's frame shows of the picture at the first and the last frame of a shot; straight between."""

    start: Rect
    end: Rect


@dataclass(frozen=True, kw_only=True)
class ScreenStage:
    """The stage of the classic theme: pictures fill the frame, or lie over a blurred fill of themselves."""

    kind: Literal["screen"] = "screen"


@dataclass(frozen=True, kw_only=True)
class TableStage:
    """The stage of the photo card theme: cards on a summer table."""

    card: str = "#ffffff"
    #: The colour of shadows, and how strong they are; 1 is as on a summer's day.
    shadow: str = "#1f5fbe"
    shadow_share: float = 1.0
    #: White edge and round corners, as parts of a picture's shorter side.
    edge: float = 0.04
    rounding: float = 0.065
    #: The giant letters of the title: a file name among the themes' fonts, and the space between letters in ems.
    title_font: str = "Pretendard-Black.otf"
    title_spacing: float = -0.05
    #: The binder at the end: its page, its pockets, its rings.
    binder: str = "#f6faff"
    pocket: str = "#d6e8fb"
    ring: str = "#9dbfe8"
    kind: Literal["table"] = "table"


@dataclass(frozen=True, kw_only=True)
class GalleryStage:
    """The stage of the museum theme: framed works on the walls of rooms."""

    #: One for each room in turn.
    walls: tuple[str, ...] = ("#2f443b", "#54292e", "#2e3f52", "#7a5320")
    #: The wall with the names at the end.
    last_wall: str = "#2e3f52"
    #: The plaster of the entrance, where the poster hangs, and its papers from the back to the front.
    plaster: str = "#e9e3d7"
    papers: tuple[str, ...] = ("#b9946a", "#8b9a7d", "#e8d9ae", "#7d8c70", "#a9835a")
    #: What is printed on: the poster's sheet, labels and mats.
    paper: str = "#fbf9f4"
    #: Words on a wall.
    lettering: str = "#f4efe4"
    #: A file name among the themes' fonts, for words on a wall.
    wall_font: str = "Pretendard-Regular.otf"
    #: How far the step towards the poster goes, and towards a wall whose shot has no move of its own; 1.03 is 3%.
    poster_step: float = 1.07
    wall_step: float = 1.03
    kind: Literal["gallery"] = "gallery"


@dataclass(frozen=True, kw_only=True)
class DesktopStage:
    """The stage of the window theme: windows on the desktop of a friendly computer."""

    face: str = "#dedaee"
    #: The lit and the dark side of what stands out.
    light: str = "#ffffff"
    shade: str = "#6f6a94"
    #: A title bar from left to right, and the words on it.
    bar: str = "#2b2776"
    bar_end: str = "#5a52c4"
    bar_ink: str = "#ffffff"
    #: Around pixel letters.
    outline: str = "#221c5c"
    cloud: str = "#ffffff"
    cloud_shade: str = "#cfe2ff"
    hill_far: str = "#86d562"
    hill_far_light: str = "#b4ee8c"
    hill_near: str = "#5cb84a"
    hill_near_light: str = "#8fe070"
    #: Folders that lie about.
    folders: tuple[str, ...] = ("#ffd34d", "#8fd3ff", "#ffb0c4", "#b8e986", "#d3c1ff", "#ffc58a")
    #: What a clip has played.
    played: str = "#2f9e62"
    #: The screen that is left when the computer may be switched off.
    off: str = "#0d0b18"
    off_ink: str = "#ffb648"
    kind: Literal["desktop"] = "desktop"


Stage = ScreenStage | TableStage | GalleryStage | DesktopStage


@dataclass(frozen=True, kw_only=True)
class FilmStyle:
    """What a theme decides about a film. Colours are '#rrggbb'; lengths are parts of the film's height."""

    #: Where the film is set, with the values that only this kind of stage has.
    stage: Stage = field(default_factory=ScreenStage)
    #: The ground of cards, top and bottom of a vertical gradient.
    ground: str = "#10162a"
    ground_low: str = "#1a2139"
    ink: str = "#eff2fa"
    ink_soft: str = "#bcc5da"
    accent: str = "#f4ca63"
    caption_ink: str = "#ffffff"
    #: One for each contributor in turn.
    dyes: tuple[str, ...] = (
        "#3c5aa6", "#efbd45", "#d6506f", "#4b9f9d", "#df7a3a", "#7a5aa2", "#6c9a6a", "#8b5b3e",
    )  # fmt: skip
    #: File names among the themes' fonts.
    heading_font: str = "Pretendard-Bold.otf"
    text_font: str = "Pretendard-Regular.otf"
    title_size: float = 0.115
    text_size: float = 0.046
    caption_size: float = 0.052
    #: How much of a picture stays behind a card; 0..1.
    backdrop: float = 0.22
    #: Brightness of the blurred fill beside a picture that does not fill the frame; 0..1.
    fill: float = 0.42
    #: How much the ground under a caption is darkened at most; 0..1.
    scrim: float = 0.62
    photo_seconds: float = 4.0
    panorama_seconds: float = 6.5
    longest_clip_seconds: float = 10.0
    title_seconds: float = 5.6
    end_seconds: float = 6.4
    entrance: Entrance = "crossfade"
    entrance_seconds: float = 0.8
    #: How the first picture of a story comes in.
    story_entrance: Entrance = "crossfade"
    story_entrance_seconds: float = 0.8
    #: Every so many pictures of a story, counted over the film, one comes in by 'fan'; 0 for none.
    fan_every: int = 0
    #: The bundle that is untied before the title; 0 for none.
    prologue_seconds: float = 0.0
    #: Which pictures say who gave them and when they were taken: the first of each story, or every one.
    labels: Literal["first", "every"] = "first"
    #: Cards lie askew by at most so many degrees.
    tilt: float = 0.0
    #: How far a slow zoom goes; 1.08 is 8%.
    zoom: float = 1.09


@dataclass(frozen=True, kw_only=True)
class Source:
    """A prepared picture: its id, its file name inside the folder of pictures, and its size as shown."""

    id: str
    file: str
    width: int
    height: int
    #: Red, green and blue are multiplied by these, in linear light: at most a sixth of a stop either way.
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What is said of a picture. Any of the words may be ''; the stage decides where they stand."""

    #: The title of the story that begins with this picture.
    heading: str = ""
    #: The picture's own words.
    text: str = ""
    who: str = ""
    #: The day it was taken, in words.
    when: str = ""
    #: The contributor's dye.
    dye: str
    #: Frames of the shot at which the words start to appear and have gone again.
    first: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Photo:
    """
    A still picture, moving slowly, and up to two more that lie beside it.

    On a screen, 'cover' fills the frame and 'inset' lies whole over a blurred fill; the other stages show
    every picture whole.
    """

    frames: int
    entrance_frames: int
    entrance: Entrance = "crossfade"
    source: Source
    #: Shown at the same time, to the right of the first, in order.
    beside: tuple[Source, ...] = ()
    fit: Literal["cover", "inset"]
    #: For 'cover' over the picture itself, for 'inset' and on the other stages over the composed frame.
    move: Move
    #: In a gallery: which room it hangs in, 0..3; neighbouring stories never share one.
    room: int = 0
    #: How askew a card lies, in degrees, clockwise.
    tilt: float = 0.0
    caption: Caption | None = None
    kind: Literal["photo"] = "photo"


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A moving picture, played from `start_seconds` at its own speed; otherwise as `Photo`."""

    frames: int
    entrance_frames: int
    entrance: Entrance = "crossfade"
    source: Source
    fit: Literal["cover", "inset"]
    start_seconds: float
    has_sound: bool
    room: int = 0
    tilt: float = 0.0
    caption: Caption | None = None
    kind: Literal["clip"] = "clip"


@dataclass(frozen=True, kw_only=True)
class Credit:
    """A contributor's name with their dye, and how many photos and clips they gave; 0 is not said."""

    name: str
    dye: str
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Card:
    """Words on the theme's ground: the prologue, the title, a story without pictures, or a page of the end."""

    frames: int
    entrance_frames: int
    entrance: Entrance = "crossfade"
    role: Literal["prologue", "title", "text", "end"]
    heading: str = ""
    body: str = ""
    note: str = ""
    credits: tuple[Credit, ...] = ()
    #: Pictures that lie about: the title's cards, the pages of the binder at the end. At most nine.
    sources: tuple[Source, ...] = ()
    #: A picture that shimmers through the ground, and how it moves.
    backdrop: Source | None = None
    move: Move | None = None
    room: int = 0
    kind: Literal["card"] = "card"


Shot = Photo | Clip | Card


def sources_of(shot: Shot) -> tuple[Source, ...]:
    """Return every picture that a shot shows."""
    if isinstance(shot, Photo):
        return (shot.source, *shot.beside)
    if isinstance(shot, Clip):
        return (shot.source,)
    return shot.sources + ((shot.backdrop,) if shot.backdrop else ())


def with_sources(shot: Shot, change: Callable[[Source], Source]) -> Shot:
    """Return a shot with every picture of it changed."""
    if isinstance(shot, Photo):
        return replace(shot, source=change(shot.source), beside=tuple(map(change, shot.beside)))
    if isinstance(shot, Clip):
        return replace(shot, source=change(shot.source))
    backdrop = change(shot.backdrop) if shot.backdrop else None
    return replace(shot, sources=tuple(change(source) for source in shot.sources), backdrop=backdrop)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Shots that belong together: the title, one story, the end."""

    story_id: str | None
    title: str
    shots: tuple[Shot, ...]
    #: Heard over them, in order.
    voices: tuple[Voice, ...] = ()

    @property
    def entrance_frames(self) -> int:
        return self.shots[0].entrance_frames if self.shots else 0

    @property
    def frames(self) -> int:
        """Return how many frames there are from its beginning to its end, both of which it shares with others."""
        return self.entrance_frames + sum(shot.frames - shot.entrance_frames for shot in self.shots)


@dataclass(frozen=True, kw_only=True)
class Soundtrack:
    """The music: a file inside the folder of pictures, or None for the theme's own."""

    file: str | None = None
    #: How loud it is where no clip is heard, whatever its file is like (LUFS, ITU-R BS.1770).
    loudness_lufs: float = -16.0
    #: What is left of the music while a clip or a voice note is heard; 0..1.
    under_clips: float = 0.25
    fade_in_seconds: float = 0.8
    fade_out_seconds: float = 3.5
    #: What the credits call it; '' is not said.
    title: str = ""
    #: How long a beat lasts, where the first one lies, and how many make a bar; 0 for music without a steady beat.
    beat_seconds: float = 0.0
    first_beat_seconds: float = 0.0
    beats_per_bar: int = 4


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """H.264 and AAC settings; `docs/film.md` has the measurements behind them."""

    preset: str = "superfast"
    crf: float = 23.0
    x264_params: str = "mbtree=1:rc-lookahead=20:direct=temporal:scenecut=0"
    keyframe_seconds: float = 5.0
    #: A segment of the film is at least so long; shorter ones cost size, longer ones cost more to make again.
    segment_seconds: float = 10.0
    audio_kbit: int = 192


@dataclass(frozen=True, kw_only=True)
class PlacedShot:
    """A shot with the film's frame at which it begins."""

    shot: Shot
    first: int

    @property
    def stop(self) -> int:
        return self.first + self.shot.frames


@dataclass(frozen=True, kw_only=True)
class MontagePlan:
    """Everything that a film shows and plays; see the module's docstring. Raises PlanRefused when it cannot be."""

    plan_version: int = PLAN_VERSION
    size: Size
    fps: int
    theme: str
    style: FilmStyle
    #: The film's title and date for its metadata.
    title: str
    date: str
    scenes: tuple[Scene, ...]
    soundtrack: Soundtrack = field(default_factory=Soundtrack)
    encoder: Encoder = field(default_factory=Encoder)
    #: The picture fades to black over so many last frames.
    fade_out_frames: int = 0
    #: The language of what a stage says itself, by its BCP 47 name.
    language: str = "en"
    seed: int = 0
    #: Digests and versions of what drew it, by name, filled in by the renderer.
    made_with: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.plan_version != PLAN_VERSION:
            raise _of_another_version(self.plan_version)
        if self.fps < 1:
            raise PlanRefused("plan_frame_rate")
        shots = self.shots
        if not shots or shots[0].entrance_frames:
            raise PlanRefused("plan_first_shot")
        if not all(voice.is_possible for voice in self.voices):
            raise PlanRefused("plan_voice_times")
        for index, shot in enumerate(shots):
            following = shots[index + 1].entrance_frames if index + 1 < len(shots) else 0
            if shot.entrance_frames < 0 or shot.entrance_frames + following >= shot.frames:
                raise PlanRefused("plan_shot_too_short")

    @property
    def shots(self) -> tuple[Shot, ...]:
        return tuple(shot for scene in self.scenes for shot in scene.shots)

    @property
    def frames(self) -> int:
        """Return how many frames the film has."""
        return sum(shot.frames - shot.entrance_frames for shot in self.shots)

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return every picture the film needs, once each, in the order of its first use."""
        found: dict[str, Source] = {}
        for shot in self.shots:
            for source in sources_of(shot):
                found.setdefault(source.id, source)
        return tuple(found.values())

    @property
    def timeline(self) -> tuple[PlacedShot, ...]:
        """Return the shots with the frames at which they begin."""
        placed: list[PlacedShot] = []
        at = 0
        for shot in self.shots:
            at -= shot.entrance_frames
            placed.append(PlacedShot(shot=shot, first=at))
            at += shot.frames
        return tuple(placed)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Return every voice note that the film needs, in order."""
        return tuple(voice for scene in self.scenes for voice in scene.voices)

    @property
    def placed_voices(self) -> tuple[PlacedVoice, ...]:
        """Return the voice notes with the frames of the film in which they are heard, never two at once."""
        scenes = [(scene.entrance_frames, scene.frames, scene.voices) for scene in self.scenes]
        return place_voices(scenes, self.frames)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> MontagePlan:
        """Read what `to_json` wrote. Raises PlanRefused for another version and for anything that is not a plan."""
        try:
            data: Any = json.loads(text)
            version = data["plan_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise PlanRefused("plan_unreadable") from error
        if version not in _UNDERSTOOD:
            raise _of_another_version(version)
        plan: MontagePlan = read_value(cls, {**data, "plan_version": PLAN_VERSION})
        return plan


def _of_another_version(version: object) -> PlanRefused:
    return PlanRefused("plan_version_unknown", version=version, understood=PLAN_VERSION)
