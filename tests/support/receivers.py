"""Receivers of messages on 127.0.0.1: they take them, refuse them, hang, drip or break off, as a test says."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

HANG = "hang"  #: say nothing until the receiver is stopped
RESET = "reset"  #: break off, with a reset
DRIP = "drip"  #: send the head of an answer byte by byte, without an end


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A message that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Keeps what comes in `posted`, and answers as `answer` says: a status, HANG, RESET or DRIP."""

    def __init__(self, answer: int | str = 200, *, certificate: Path | None = None) -> None:
        self.answer = answer
        self.answer_headers: dict[str, str] = {}
        self.posted: list[Posted] = []
        self.stopping = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.posted.append(Posted(path=self.path, headers=headers, body=body))
                receiver.reply(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def reply(self, request: BaseHTTPRequestHandler) -> None:
        match self.answer:
            case int(status):
                request.send_response(status)
                for name, value in {"content-length": "0", **self.answer_headers}.items():
                    request.send_header(name, value)
                request.end_headers()
            case "hang":
                self.stopping.wait()
            case "drip":
                request.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
                while not self.stopping.wait(0.05):
                    request.wfile.write(b".")
            case _:
                # Without lingering, what is closed is reset.
                request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                request.connection.close()
                request.close_connection = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
