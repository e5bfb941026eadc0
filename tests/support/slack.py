"""A stand-in for Slack's incoming webhooks, on loopback: it takes every message and keeps it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Slack:
    """`messages` holds the titles of what arrived, in order; `texts` what stood below them."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.texts: list[str] = []
        slack = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["content-length"])))
                for one in said["attachments"]:
                    slack.texts.append(one.get("text", ""))
                    slack.messages.append(one["title"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_said: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
