"""Cards on the table with their captions: how they turn, fan out, and sweep in and out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from memorycapsule.domain.film.plan import Caption, Card, Entrance, MontagePlan, Move, Shot
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.painting import Painter, entrance_share, smooth
from memorycapsule.render.planes import Bytes, blend
from memorycapsule.render.sprites import Sprite
from memorycapsule.render.stages.table.cards import (
    Pose,
    TableCard,
    ViewTransform,
    card_back,
    stage_of,
    whole_sky,
)
from memorycapsule.render.stages.table.paper import pill, pill_margin

#: Words stay inside 90% of the frame.
_SAFE = 0.05
_PILL_WIDTH = 0.84


class OnTable(Painter):
    """Cards on the sky, and the entrances by which they replace the cards before."""

    #: Whether it is a page of text. Those are swept in and out, never dissolved.
    is_page = False

    def __init__(
        self, plan: MontagePlan, shot: Shot, table_cards: Sequence[TableCard], words: CardText, move: Move
    ) -> None:
        self.cards = table_cards
        self.size = plan.size
        self.sky = whole_sky(plan.style, plan.size)
        self._move, self._last = move, max(1, shot.frames - 1)
        self._entrance: Entrance = shot.entrance
        self._stage = stage_of(plan.size, plan.style)
        self._words = words

    def view(self, index: int) -> ViewTransform:
        """Return the view of the cards at frame `index`."""
        return ViewTransform.at(self._move, index / self._last, self.size)

    def refresh(self, index: int) -> None:
        """Show the moving picture's frame `index` on its card."""

    def lay_words(self, index: int, frame: Bytes) -> None:
        """Lay the caption over a frame."""
        self._words.lay_over(index, frame)

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        share = entrance_share(index, self.entrance_frames)
        is_swept = self.is_page or (isinstance(before, OnTable) and before.is_page)
        if not isinstance(before, OnTable):
            before.paint(before_index, frame)
            blend(frame, self.sky, smooth(share * 1.7), frame)
            self.refresh(index)
            self._rise(index, share, frame)
        elif self._entrance in {"turn", "fan"} or is_swept:
            frame[...] = self.sky
            before.refresh(before_index)
            self.refresh(index)
            if self._entrance == "fan":
                self._fan(index, before, before_index, frame)
            elif self._entrance == "turn":
                self._turn(index, before, before_index, frame)
            else:
                before.leave(before_index, share, frame)
                self._rise(index, share, frame)
            before.lay_words(before_index, frame)
        else:
            super().enter(index, before, before_index, frame, spare)
            return
        self.lay_words(index, frame)

    def leave(self, index: int, share: float, frame: Bytes) -> None:
        """Lay the cards, being swept to the left as `share` goes from 0 to 1."""
        far = (share**1.6) * self.size.width
        for table_card in self.cards:
            pose = Pose(
                x=-far, y=-0.06 * share * self.size.height, tilt=-14 * share, lift=math.sin(math.pi * share)
            )
            table_card.lay(frame, self.view(index), pose)

    def _rise(self, index: int, share: float, frame: Bytes) -> None:
        """Lay the cards, coming from the right below as `share` goes from 0 to 1."""
        for number, table_card in enumerate(self.cards):
            left = (1 - share) ** 1.6
            pose = Pose(
                x=left * self.size.width * (0.42 + 0.08 * number),
                y=left * self.size.height * 1.1,
                tilt=(11 + 5 * number) * left,
                lift=left,
            )
            table_card.lay(frame, self.view(index), pose)

    def _turn(self, index: int, before: OnTable, before_index: int, frame: Bytes) -> None:
        """Turn cards around their vertical axis: the old one is seen until it stands on edge, then the new one."""
        share = (index + 1) / (self.entrance_frames + 1)
        angle = math.pi * smooth(share)
        is_old = angle < math.pi / 2
        shown = before if is_old else self
        single = len(before.cards) == len(self.cards) == 1
        for table_card in shown.cards:
            other = (self if is_old else before).cards[0] if single else table_card
            # Both are equally high and at one place when they stand on edge.
            towards = (1 - math.cos(angle)) / 2 if is_old else (1 + math.cos(angle)) / 2
            scale = 1 + (math.sqrt(other.height / table_card.height) - 1) * 2 * towards
            pose = Pose(
                x=(other.x - table_card.x) * towards,
                y=(other.y - table_card.y) * towards,
                # Farther away, so that its near edge stays in the frame.
                scale=scale * (1 - 0.16 * math.sin(angle)),
                tilt=(other.tilt - table_card.tilt) * towards,
                turn=angle if is_old else angle - math.pi,
                lift=math.sin(angle),
            )
            table_card.lay(frame, shown.view(before_index if is_old else index), pose)

    def _fan(self, index: int, before: OnTable, before_index: int, frame: Bytes) -> None:
        """Fan out the old cards, the back of a card, and the new ones, which come to the front."""
        share = (index + 1) / (self.entrance_frames + 1)
        width, height = self.size.width, self.size.height
        opened, gone = smooth(share / 0.5), smooth((share - 0.42) / 0.58)
        view = before.view(before_index)
        for number, table_card in enumerate(before.cards):
            away = opened * 0.17 * width + gone * (0.75 * width - number * 0.02 * width)
            pose = Pose(
                x=-away,
                y=opened * 0.03 * height + gone * 0.4 * height,
                scale=_towards(table_card, 0.62 * height, opened),
                tilt=-11 * opened - 16 * gone,
                lift=opened * (1 - gone),
            )
            table_card.lay(frame, view, pose)
        back = self._back()
        up = smooth((share - 0.08) / 0.46)
        pose = Pose(
            y=(1 - up) * 0.95 * height + gone * 0.95 * height,
            tilt=5 * (1 - up) - 12 * gone,
            lift=up * (1 - gone),
        )
        back.lay(frame, ViewTransform(), pose)
        near = smooth((share - 0.38) / 0.62)
        for number, table_card in enumerate(self.cards):
            spread = (1 - near) * width
            pose = Pose(
                x=spread * (0.18 + 0.05 * number) + (1 - opened) * 0.7 * width,
                y=(1 - near) * 0.035 * height + (1 - opened) * 0.25 * height,
                scale=_towards(table_card, 0.62 * height, 1 - near),
                tilt=11 * (1 - near) + 14 * (1 - opened),
                lift=math.sin(math.pi * near),
            )
            table_card.lay(frame, self.view(index), pose)

    def _back(self) -> TableCard:
        if self._cached_back is None:
            height = 0.62 * self.size.height
            middle = (self.size.width / 2, self.size.height * 0.47, 0.0)
            self._cached_back = card_back(height * 5 / 7, height, self._words.dye, middle, self._stage)
        return self._cached_back

    _cached_back: TableCard | None = None


def _towards(table_card: TableCard, diagonal: float, share: float) -> float:
    """Return the scale that brings a card `share` of the way to a mean side of `diagonal`."""
    return 1 + (min(1.0, diagonal / math.sqrt(table_card.width * table_card.height)) - 1) * share


class CardText:
    """The caption of a shot, on a pill that fades in and out; nothing for a shot without one."""

    def __init__(self, plan: MontagePlan, shot: Shot) -> None:
        self._caption = None if isinstance(shot, Card) else shot.caption
        self._pill = _caption_pill(plan, self._caption) if self._caption else None
        self._fade = max(1, round(0.35 * plan.fps))
        self._size: Size = plan.size
        #: The contributor's dye.
        self.dye = self._caption.dye if self._caption else plan.style.accent

    @property
    def top(self) -> float | None:
        """Where the pill begins, as a part of the frame's height; None where there is none."""
        if self._pill is None:
            return None
        high: int = self._pill.height - 2 * pill_margin(self._size)
        return 1 - _SAFE - high / self._size.height

    def lay_over(self, index: int, frame: Bytes) -> None:
        """Lay the caption over frame `index` of the shot."""
        if self._pill is None or self._caption is None:
            return
        rise = (index - self._caption.first + 1) / self._fade
        fall = (self._caption.stop - index) / self._fade
        margin = pill_margin(self._size)
        x = 2 * ((self._size.width - self._pill.width) // 4)
        y = 2 * round((self._size.height * (1 - _SAFE) + margin - self._pill.height) / 2 - 0.5)
        self._pill.lay(frame, x, y, smooth(min(rise, fall)))


def _caption_pill(plan: MontagePlan, caption: Caption) -> Sprite | None:
    """Return the pill of a caption; None when there is nothing to draw."""
    style, height = plan.style, plan.size.height
    words = [typesetting.clean(caption.heading), typesetting.clean(caption.text)]
    strong, *more = [word for word in words if word] or [""]
    soft = " · ".join(
        word for word in (*more, typesetting.clean(caption.who), typesetting.clean(caption.when)) if word
    )
    if not strong and not soft:
        return None
    room = round(plan.size.width * _PILL_WIDTH - height * style.caption_size * 3)
    big = round(height * style.caption_size)
    # Text is never smaller than 42 pixels of a film 1080 high.
    least = max(1, math.ceil(height * 0.039))
    sizes = tuple(dict.fromkeys((max(big, least), least)))
    above = typesetting.fitting(strong, style.heading_font, sizes, room, 2) if strong else []
    below = (
        typesetting.fitting(soft, style.text_font, sizes[-1:] if above else sizes, room, 2) if soft else []
    )
    if len(above) == len(below) == 1 and above[0].width + below[0].width + big <= room:
        rows = [[(above[0], style.caption_ink), (below[0], style.ink_soft)]]
    else:
        rows = [[(line, style.caption_ink)] for line in above] + [[(line, style.ink_soft)] for line in below]
    return pill(rows, caption.dye, plan.size, stage_of(plan.size, style).table)
