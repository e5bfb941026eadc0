"""The built-in soundtracks of the themes, to be listened to before one is chosen."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from memorycapsule import themes
from memorycapsule.daemon.http.dependencies import GET
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.errors import NotFound
from memorycapsule.services.reading import OpenedFile

router = APIRouter()


@router.api_route("/g/soundtracks/{theme}.m4a", methods=GET)
@for_whom(Audience.EVERYBODY)
def send_soundtrack(theme: str) -> Response:
    if theme not in themes.names():
        raise NotFound
    path = themes.load(theme).soundtrack
    file = OpenedFile(stream=path.open("rb"), content_type="audio/mp4", name=f"{theme}.m4a", is_private=False)
    return FileAnswer(file, tag=f"soundtrack-{theme}-{path.stat().st_size}")
