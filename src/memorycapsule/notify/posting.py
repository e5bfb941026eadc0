"""Posting to a receiver: one request, which is over in time whatever the receiver does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from memorycapsule import __version__
from memorycapsule.config.certificates import trusting
from memorycapsule.errors import CapsuleError, system_problem
from memorycapsule.notify.outcomes import PostOutcome
from memorycapsule.notify.requests import PostRequest

#: All of a request may take so long. Receivers that people read from answer within a second.
TIMEOUT_SECONDS = 15.0
_USER_AGENT = f"MemoryCapsule/{__version__}"


def post(
    request: PostRequest, *, ca_file: Path | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> PostOutcome:
    """
    Post once, and return how that ended. `ca_file` holds certificates to trust besides the usual ones.

    Redirects are not followed: what is signed or secret is for one address.
    """
    try:
        context = trusting(ca_file)
    except OSError as error:
        return PostOutcome(problem=CapsuleError("road_ca_file", problem=system_problem(error)))
    try:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            return runner.run(_posted(request, context, timeout_seconds))
    except (TimeoutError, httpx.TimeoutException):
        return PostOutcome(problem=CapsuleError("road_timed_out", seconds=int(timeout_seconds)))
    except (httpx.TransportError, OSError) as error:
        return PostOutcome(problem=_problem_of(error))
    except (httpx.InvalidURL, ValueError):
        return PostOutcome(problem=CapsuleError("road_address_unclear"))


async def _posted(request: PostRequest, context: ssl.SSLContext, timeout_seconds: float) -> PostOutcome:
    # The limits of httpx are for each part of an answer, and a receiver may send it byte by byte.
    async with (
        asyncio.timeout(timeout_seconds),
        httpx.AsyncClient(verify=context, timeout=timeout_seconds) as client,
        client.stream(
            "POST", request.url, content=request.body, headers={"user-agent": _USER_AGENT, **request.headers}
        ) as answer,
    ):
        # The body of an answer is not wanted, and may be endless.
        if answer.is_success:
            return PostOutcome()
        asked = answer.headers.get("retry-after", "")
        wait = float(asked) if asked.isdecimal() else 0.0
        problem = CapsuleError("road_answered", status=answer.status_code)
        return PostOutcome(problem=problem, wait_seconds=wait)


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose end, and that of the program, waits for no look-up of a name: the system may take minutes."""

    async def getaddrinfo(self, *args: Any, **options: Any) -> Any:
        """Look up a name as `socket.getaddrinfo` does, in a thread that may be left behind."""
        found = self.create_future()

        def settle(how: Callable[[Any], None], value: object) -> None:
            if not found.done():
                how(value)

        def look_up() -> None:
            how: Callable[[Any], None] = found.set_result
            try:
                value: object = socket.getaddrinfo(*args, **options)
            except (OSError, UnicodeError) as error:
                how, value = found.set_exception, error
            with contextlib.suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                self.call_soon_threadsafe(settle, how, value)

        threading.Thread(target=look_up, daemon=True).start()
        return await found


def _problem_of(error: httpx.TransportError | OSError) -> CapsuleError:
    if isinstance(error, httpx.UnsupportedProtocol):
        return CapsuleError("road_address_unclear")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CapsuleError("road_certificate")
        if isinstance(cause, OSError) and cause.errno:
            return CapsuleError("road_unreachable", problem=system_problem(cause))
        cause = cause.__cause__ or cause.__context__
    return CapsuleError("road_broken_off")
