"""Files that come with a request, as a field of multipart/form-data; photos and clips come as uploads instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, BinaryIO, TypeVar

from fastapi import File, UploadFile

from memorycapsule.domain.people import printable
from memorycapsule.errors import FileRefused, MediaRefused

_LONGEST_NAME = 200

#: Beside `contentMediaType` of OpenAPI 3.1: generators of clients know files by this word of 3.0.
_FILE = {"format": "binary"}
Picture = Annotated[
    UploadFile, File(description="A photo, as it comes from a camera or telephone.", json_schema_extra=_FILE)
]
Song = Annotated[UploadFile, File(description="An mp3, m4a, ogg, flac or wav file.", json_schema_extra=_FILE)]


Accepted = TypeVar("Accepted")


def form_fields(file: UploadFile, accept: Callable[[BinaryIO], Accepted]) -> Accepted:
    """Return what `accept` makes of a file. Raises FileRefused."""
    try:
        return accept(file.file)
    except MediaRefused as error:
        if name := printable(file.filename or "", _LONGEST_NAME):
            raise FileRefused("file_refused", file=name, problem=error) from error
        raise FileRefused("unnamed_file_refused", problem=error) from error
