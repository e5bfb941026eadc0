"""
What requests have in common: lists in pieces, and things that are made once only.

`limit` says how many a list answers, `after` where the last piece ended, `next` where to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import Header, Path, Query
from starlette.requests import Request

from memorycapsule.errors import UsageProblem

MOST = 200

Reference = Annotated[str, Path(max_length=100, description="Its id, or its short name with the caller.")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many to answer at most.")]
After = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The id of the last one that is known already; `next` holds a good address.",
    ),
]
Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A word of the caller's own, fresh for each new thing: a request that is sent again with the "
        "same one, because its answer was lost, makes nothing new.",
    ),
]
Item = TypeVar("Item")


def piece(
    request: Request,
    found: Sequence[Item],
    id_of: Callable[[Item], str],
    *,
    limit: int,
    after: str | None,
) -> tuple[Sequence[Item], str | None]:
    """
    Return the piece of a list that is asked for, and the address of the next one, None at the end.

    Raises UsageProblem when the list does not hold `after`, or no more.
    """
    start = 0
    if after is not None:
        ids = [id_of(one) for one in found]
        if after not in ids:
            raise UsageProblem("list_place_gone")
        start = ids.index(after) + 1
    kept = found[start : start + limit]
    if start + limit >= len(found):
        return kept, None
    root = request.scope.get("root_path", "")
    path = f"{root}{request.scope['path'].removeprefix(root)}"
    return kept, f"{path}?{urlencode({'limit': limit, 'after': id_of(kept[-1])})}"
