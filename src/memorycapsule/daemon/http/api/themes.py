"""What films are made with: themes and their soundtracks."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from memorycapsule import themes
from memorycapsule.daemon.http.api import answers
from memorycapsule.daemon.http.api.bearer import NEEDS_TOKEN
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.problems import documented, documented_file
from memorycapsule.errors import NotFound
from memorycapsule.schemas.themes import Soundtrack, Theme
from memorycapsule.services.reading import OpenedFile

router = APIRouter()


@router.get(
    "/themes",
    tags=["themes"],
    responses=documented(),
    dependencies=[NEEDS_TOKEN],
)
@for_whom(Audience.WITH_SESSION)
def list_themes() -> answers.ThemesAnswer:
    """List the themes: each is a world for page and film alike."""
    return answers.ThemesAnswer(themes=[Theme.of(themes.load(name)) for name in themes.names()])


@router.get(
    "/soundtracks",
    tags=["soundtracks"],
    responses=documented(),
    dependencies=[NEEDS_TOKEN],
)
@for_whom(Audience.WITH_SESSION)
def list_soundtracks(request: Request) -> answers.SoundtracksAnswer:
    """List the music that comes with the themes."""
    root = request.scope.get("root_path", "")
    return answers.SoundtracksAnswer(
        soundtracks=[
            Soundtrack.of(themes.load(name), f"{root}/api/v1/soundtracks/{name}/file")
            for name in themes.names()
        ]
    )


@router.head("/soundtracks/{name}/file", include_in_schema=False)
@router.get(
    "/soundtracks/{name}/file",
    name="soundtrack",
    tags=["soundtracks"],
    response_class=StreamingResponse,
    responses={**documented_file("audio/mp4"), **documented(404, 416, 422)},
    dependencies=[NEEDS_TOKEN],
)
@for_whom(Audience.WITH_SESSION)
def send_soundtrack(name: str) -> Response:
    """Send a soundtrack to listen to, an M4A."""
    if name not in themes.names():
        raise NotFound("soundtrack_unknown")
    path = themes.load(name).soundtrack
    return FileAnswer(
        OpenedFile(stream=path.open("rb"), content_type="audio/mp4", name=f"{name}.m4a", is_private=False),
        tag=f"{name}-{path.stat().st_size}",
    )
