"""Making a life that ends badly shorter, as long as it ends in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from simulation.life import Ending, Step


def shrunk(ending: Ending, live: Callable[[Sequence[Step]], Ending], *, most_tries: int = 120) -> Ending:
    """
    Return a shorter life that breaks the same promise: without steps that do not matter, without kills and waits that
    do not (delta debugging, by halves down to single steps).
    """
    best = ending
    tries = 0

    def shorter(steps: Sequence[Step]) -> bool:
        nonlocal best, tries
        if tries >= most_tries or not steps:
            return False
        tries += 1
        tried = live(steps)
        if tried.promise != ending.promise:
            return False
        best = dataclasses.replace(tried, seed=ending.seed)
        return True

    size = max(len(best.steps) // 2, 1)
    while True:
        start = 0
        has_shrunk = False
        while start < len(best.steps):
            steps = [*best.steps[:start], *best.steps[start + size :]]
            if shorter(steps):
                has_shrunk = True
            else:
                start += size
        if size == 1 and not has_shrunk:
            break
        if tries >= most_tries:
            break
        size = max(size // 2, 1)
    for number, step in enumerate(best.steps):
        for simpler in (
            dataclasses.replace(step, killed_at=None),
            dataclasses.replace(step, minutes=0),
        ):
            if simpler != step and number < len(best.steps):
                shorter([*best.steps[:number], simpler, *best.steps[number + 1 :]])
    return best
