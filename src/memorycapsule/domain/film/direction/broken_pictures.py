"""Broken pictures: a plan without those that turned out to be unreadable."""

from __future__ import annotations

from dataclasses import replace

from memorycapsule.domain.film.plan import Caption, Card, Clip, MontagePlan, Photo, Scene, Shot, sources_of


def without_pictures(plan: MontagePlan, broken: frozenset[str]) -> MontagePlan:
    """
    Return the plan without the pictures whose ids are in `broken`.

    A caption passes to the next picture of its scene. When no picture is left, a card shows the words, and the
    scene's voice notes are heard over it.
    """
    if not broken:
        return plan
    scenes = tuple(
        scene for scene in (_scene_without(plan, scene, broken) for scene in plan.scenes) if scene.shots
    )
    return replace(plan, scenes=scenes)


def _scene_without(plan: MontagePlan, scene: Scene, broken: frozenset[str]) -> Scene:
    kept: list[Shot] = []
    homeless: Caption | None = None
    fade = 0
    for shot in scene.shots:
        if isinstance(shot, Card):
            kept.append(_card_without(shot, broken))
            continue
        whole = [source for source in sources_of(shot) if source.id not in broken]
        if not whole:
            homeless = homeless or shot.caption
            fade = shot.entrance_frames
            continue
        if isinstance(shot, Photo):
            shot = replace(shot, source=whole[0], beside=tuple(whole[1:]))  # noqa: PLW2901
        kept.append(_with_caption(shot, homeless) if homeless else shot)
        homeless = None
    if (homeless or scene.voices) and not kept:
        words = (homeless.stop + homeless.first) if homeless else 0
        spoken = max((voice.first + voice.frames for voice in scene.voices), default=0)
        kept.append(
            Card(
                frames=max(round(plan.style.photo_seconds * plan.fps), words, spoken),
                entrance_frames=fade,
                role="text",
                heading=homeless.heading if homeless else scene.title,
                note=homeless.who if homeless else "",
            )
        )
    return replace(scene, shots=tuple(kept))


def _card_without(card: Card, broken: frozenset[str]) -> Card:
    if card.backdrop is not None and card.backdrop.id in broken:
        card = replace(card, backdrop=None)
    return replace(card, sources=tuple(source for source in card.sources if source.id not in broken))


def _with_caption(shot: Photo | Clip, caption: Caption) -> Photo | Clip:
    if shot.caption is not None:
        own = shot.caption
        caption = replace(
            caption,
            heading=caption.heading or own.heading,
            text=own.text or caption.text,
            who=own.who or caption.who,
            when=own.when,
        )
    return replace(shot, caption=caption, frames=max(shot.frames, caption.stop + caption.first))
