"""The scenes that can be drawn, in the order of the demo."""

from collections.abc import Callable
from dataclasses import dataclass

from memorycapsule.demo import scenes_day as days
from memorycapsule.demo import scenes_evening as evenings
from memorycapsule.demo import scenes_seasons as seasons
from memorycapsule.demo import scenes_water as waters
from memorycapsule.demo.brushes import Canvas

WIDE = (3000, 2000)
TALL = (2000, 3000)


@dataclass(frozen=True, kw_only=True)
class DrawnScene:
    """A picture that can be drawn."""

    #: The file name without its suffix.
    name: str
    #: A title for a story about it.
    title_en: str
    title_ko: str
    #: Paints it on an empty canvas, whose generator decides the details.
    paint: Callable[[Canvas], None]
    #: Width and height in pixels, as shown.
    size: tuple[int, int] = WIDE
    #: How it is written: jpeg, rotated (orientation 6), p3 (Display P3 JPEG), heic, png, webp or clip.
    form: str = "jpeg"
    #: When it was taken: the local wall time in ISO form, with its offset.
    taken: str


SCENES = (
    DrawnScene(
        name="sea-at-dusk",
        title_en="The last evening by the sea",
        title_ko="바닷가의 마지막 저녁",
        paint=waters.sea_at_dusk,
        taken="2019-08-11T19:21:08+09:00",
    ),
    DrawnScene(
        name="seventh-birthday",
        title_en="Seven candles",
        title_ko="초 일곱 개",
        paint=evenings.birthday_cake,
        taken="2019-11-02T18:40:31+09:00",
    ),
    DrawnScene(
        name="kites",
        title_en="Wind enough for five kites",
        title_ko="연 날리기 좋은 날",
        paint=days.kites,
        size=TALL,
        form="rotated",
        taken="2020-04-04T15:12:55+09:00",
    ),
    DrawnScene(
        name="misty-mountains",
        title_en="Before anybody else was up",
        title_ko="아무도 깨기 전에",
        paint=days.misty_mountains,
        size=(1800, 1200),
        form="heic",
        taken="2020-10-09T06:32:17+09:00",
    ),
    DrawnScene(
        name="flower-field",
        title_en="The field behind the school",
        title_ko="학교 뒤 꽃밭",
        paint=days.flower_field,
        form="p3",
        taken="2021-05-22T10:05:40+01:00",
    ),
    DrawnScene(
        name="snow-falling",
        title_en="It snowed all evening",
        title_ko="저녁 내내 눈이 왔다",
        paint=evenings.snow_wood,
        size=(1280, 720),
        form="clip",
        taken="2021-12-24T17:48:00+09:00",
    ),
    DrawnScene(
        name="house-in-snow",
        title_en="Grandmother's house",
        title_ko="할머니 집",
        paint=evenings.snow_house,
        taken="2021-12-24T18:30:12+09:00",
    ),
    DrawnScene(
        name="persimmons",
        title_en="Persimmons from the tree",
        title_ko="마당에서 딴 감",
        paint=days.persimmons,
        taken="2022-10-30T09:15:03+09:00",
    ),
    DrawnScene(
        name="lanterns",
        title_en="A wish for everybody",
        title_ko="모두의 소원",
        paint=waters.lanterns,
        size=TALL,
        taken="2023-02-05T19:58:44+08:00",
    ),
    DrawnScene(
        name="four-seasons",
        title_en="The same tree, four times",
        title_ko="같은 나무, 네 계절",
        paint=seasons.four_seasons,
        size=(4800, 1600),
        taken="2023-11-19T14:00:00+09:00",
    ),
    DrawnScene(
        name="boat-at-dawn",
        title_en="Nobody on the lake",
        title_ko="고요한 호수",
        paint=waters.boat_at_dawn,
        size=(2160, 1440),
        form="webp",
        taken="2024-06-15T04:51:29+02:00",
    ),
    DrawnScene(
        name="hanok-roof",
        title_en="Moonrise over the old roofs",
        title_ko="기와지붕 위로 뜬 달",
        paint=evenings.hanok_roof,
        taken="2024-06-22T20:25:50+09:00",
    ),
    DrawnScene(
        name="fireworks",
        title_en="Fireworks by the river",
        title_ko="강가의 불꽃놀이",
        paint=evenings.fireworks,
        size=TALL,
        taken="2024-10-05T20:03:37+09:00",
    ),
    DrawnScene(
        name="balloons",
        title_en="Up before breakfast",
        title_ko="아침 먹기 전의 하늘",
        paint=days.balloons,
        taken="2025-05-03T06:20:11+03:00",
    ),
    DrawnScene(
        name="city-lights",
        title_en="Rain on the way home",
        title_ko="비 오는 퇴근길",
        paint=evenings.city_lights,
        size=TALL,
        taken="2025-07-08T21:44:02+09:00",
    ),
    DrawnScene(
        name="lighthouse",
        title_en="The keeper waved",
        title_ko="등대지기의 인사",
        paint=waters.lighthouse,
        size=(1620, 1080),
        form="png",
        taken="2025-09-20T19:02:26+01:00",
    ),
    DrawnScene(
        name="tent-under-stars",
        title_en="More stars than we could count",
        title_ko="다 셀 수 없는 별",
        paint=evenings.tent_under_stars,
        size=TALL,
        taken="2026-08-12T22:37:09+09:00",
    ),
    DrawnScene(
        name="moon-over-reeds",
        title_en="The moon in the reeds",
        title_ko="갈대밭의 달",
        paint=waters.moon_over_reeds,
        size=(960, 720),
        taken="2026-09-26T18:11:33+09:00",
    ),
)
