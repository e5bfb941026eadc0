"""Which routes a site has, and which module answers them."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI


@dataclass(frozen=True, order=True, kw_only=True)
class Route:
    """One method at one path, without HEAD and OPTIONS, which change and tell nothing more."""

    method: str
    path: str
    module: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes_of(site: FastAPI) -> list[Route]:
    def walk(routes, prefix) -> Iterator[Route]:
        for route in routes:
            if hasattr(route, "original_router"):
                yield from walk(route.original_router.routes, prefix + route.include_context.prefix)
                continue
            path = route.path if route.path.startswith(prefix) else f"{prefix}{route.path}"
            for method in route.methods - {"HEAD", "OPTIONS"}:
                yield Route(method=method, path=path, module=route.endpoint.__module__)

    return sorted(set(walk(site.routes, "")))
