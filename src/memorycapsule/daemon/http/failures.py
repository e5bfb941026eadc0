"""What a request is answered that fails or is refused: a page for people, a problem for programs."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol import problems
from memorycapsule.daemon.http.protocol.kept_forms import refused_form
from memorycapsule.daemon.http.protocol.safe_redirects import nearest_page
from memorycapsule.daemon.http.protocol.sessions import PageReader, SignInNeeded
from memorycapsule.errors import CapsuleError, NotFound, Overloaded, ReauthenticationNeeded
from memorycapsule.journal import journal

#: The status of what another site sends.
_CROSS_SITE = 403


def handle(site: FastAPI) -> None:
    """Have a site answer the exceptions of its handlers."""
    site.add_exception_handler(ReauthenticationNeeded, _lead_to_proof)
    site.add_exception_handler(SignInNeeded, _lead_to_sign_in)
    site.add_exception_handler(CapsuleError, answer_failure)
    site.add_exception_handler(HTTPException, _answer_bad_request)
    site.add_exception_handler(RequestValidationError, _answer_bad_request)


def refuse(request: Request, status: int, wait_seconds: int = 0) -> Response:
    """Return the answer to a request that comes to no handler; it may come again after `wait_seconds`."""
    if problems.is_for_api(request):
        return problems.of_status(status)
    # Nothing is repeated of a form that another site has sent.
    refused = None if status == _CROSS_SITE else refused_form(request)
    return _pages(request).error(request, status, wait_seconds=wait_seconds, refused=refused)


def send_away(request: Request) -> Response:
    """
    Return the answer to a request for which there is no thread and no database connection now.

    It needs neither itself: its reader is nobody in particular.
    """
    if problems.is_for_api(request):
        answer: Response = problems.of_status(Overloaded.http_status)
    else:
        request.state.reader = PageReader()
        wait = Overloaded.retry_seconds
        refused = refused_form(request)
        answer = _pages(request).error(request, Overloaded.http_status, wait_seconds=wait, refused=refused)
    answer.headers["retry-after"] = str(Overloaded.retry_seconds)
    return answer


def answer_failure(request: Request, error: Exception) -> Response:
    """Return the answer to a request whose handler raised `error`; what is our fault goes into the log."""
    status = error.http_status if isinstance(error, CapsuleError) else 500
    code = ""
    if isinstance(error, Overloaded):
        journal.warning("page.overloaded", reason=error.reason)
        return send_away(request)
    if status >= 500:
        # A person can read this code out on the telephone; it finds the line in the log, which names no page.
        code = f"MC-{secrets.randbelow(9000) + 1000}"
        journal.error("page.failed", error=type(error).__name__, code=code)
        journal.debug("page.failed", code=code, exc_info=error)
    if problems.is_for_api(request):
        return problems.of_error(error, log_code=code)
    if isinstance(error, CapsuleError) and status < 500 and status != NotFound.http_status:
        return _pages(request).refusal(request, error, refused=refused_form(request))
    # A page never tells a sealed thing from a missing one.
    return _pages(request).error(request, status, code=code, refused=refused_form(request))


def _answer_bad_request(request: Request, error: Exception) -> Response:
    if problems.is_for_api(request):
        return problems.of_error(error)
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _pages(request).error(request, status, refused=refused_form(request))


def _lead_to_proof(request: Request, error: Exception) -> Response:
    if problems.is_for_api(request):
        return problems.of_error(error)
    return _lead_there_and_back("/g/prove", request)


def _lead_to_sign_in(request: Request, _error: Exception) -> Response:
    return _lead_there_and_back("/sign-in", request)


def _lead_there_and_back(path: str, request: Request) -> Response:
    """Redirect a browser to a page that leads back to the one where it was."""
    back = nearest_page(request.app, request)
    return _pages(request).redirect(request, f"{path}?{urlencode({'next': back})}")


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages
