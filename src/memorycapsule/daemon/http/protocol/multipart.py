"""
Forms with files (multipart/form-data, RFC 7578), read while they arrive.

The framework's own reader writes large files, unencrypted, into temporary files; nothing of a story may lie on a
disk like that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

_LONGEST_HEADERS = 16_384


@dataclass(frozen=True, kw_only=True)
class FormPart:
    """The head of a part of a form."""

    #: The name of the field.
    name: str
    #: The name of the file, None for a typed field.
    file: str | None


async def stream_fields(request: Request) -> AsyncIterator[tuple[FormPart, bytes | None]]:
    """
    Yield the fields of a form in their order, chunk by chunk; None in place of a chunk ends a field.

    Raises HTTPException (400) for a body that is no such form.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise HTTPException(400)
    reader = _Reader(options[b"boundary"])
    try:
        async for chunk in request.stream():
            for item in reader.read(chunk):
                yield item
        reader.end()
    except MultipartParseError as error:
        raise HTTPException(400) from error


class _Reader:
    """The callbacks of the parser, and what they have gathered since the last chunk."""

    def __init__(self, boundary: bytes) -> None:
        self._found: list[tuple[FormPart, bytes | None]] = []
        self._part = FormPart(name="", file=None)
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._is_over = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._add_to_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._add_to_header(1, data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._read_head,
                "on_part_data": lambda data, start, end: self._found.append(
                    (self._part, bytes(data[start:end]))
                ),
                "on_end": self._finish,
                "on_part_end": lambda: self._found.append((self._part, None)),
            },
        )

    def read(self, chunk: bytes) -> list[tuple[FormPart, bytes | None]]:
        self._parser.write(chunk)
        found, self._found = self._found, []
        return found

    def end(self) -> None:
        """Raise MultipartParseError when the form breaks off."""
        self._parser.finalize()
        if not self._is_over:
            raise MultipartParseError("the last boundary is missing")

    def _finish(self) -> None:
        self._is_over = True

    def _begin(self) -> None:
        self._headers = {}
        self._header = [b"", b""]

    def _add_to_header(self, place: int, data: bytes) -> None:
        self._header[place] += data
        if len(self._header[place]) > _LONGEST_HEADERS:
            raise MultipartParseError("a header is too long")

    def _end_header(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _read_head(self) -> None:
        _kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        file = options.get(b"filename")
        self._part = FormPart(
            name=options.get(b"name", b"").decode(errors="replace"),
            file=None if file is None else file.decode(errors="replace"),
        )
