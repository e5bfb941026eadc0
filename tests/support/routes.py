"""Which routes a site has, and which function answers them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


@dataclass(frozen=True, order=True, kw_only=True)
class Route:
    """One method at one path, without HEAD and OPTIONS, which change and tell nothing more."""

    method: str
    path: str
    module: str
    handler: Callable[..., Any] = field(compare=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes_of(site: FastAPI) -> list[Route]:
    return sorted(
        Route(method=method, path=route.path, module=route.endpoint.__module__, handler=route.endpoint)
        for route in iter_route_contexts(site.routes)
        for method in route.methods - {"HEAD", "OPTIONS"}
    )
