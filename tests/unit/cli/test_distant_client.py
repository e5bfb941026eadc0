"""What the command line tells of a daemon that does not answer, or answers that something went wrong there."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from memorycapsule.cli.distant.client import Client, Unreachable
from memorycapsule.cli.output import Output
from memorycapsule.errors import Unexpected


class Broken(BaseHTTPRequestHandler):
    """A daemon in which something happens that should not."""

    def do_GET(self):
        body = json.dumps(
            {
                "code": "unexpected",
                "reason": "unexpected_logged",
                "values": {"log": "MC-1234"},
                "detail": "Something happened that should not, and nothing is lost.",
            }
        ).encode()
        self.send_response(500)
        self.send_header("content-type", "application/problem+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Say nothing."""


def test_where_nobody_listens_the_terminal_says_so_in_its_language():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}", "token")

    with pytest.raises(Unreachable) as told:
        client.ask_once("GET", "/capsules")
    client.close()

    assert told.value.values["problem"].reason == "system_connection_refused"
    assert "(연결을 받아 주지 않음)" in Output(language="ko").spoken(told.value)
    assert "Errno" not in Output(language="en").spoken(told.value)


def test_what_should_not_have_happened_there_is_told_as_that():
    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        client = Client(f"http://127.0.0.1:{server.server_port}", "token")
        with pytest.raises(Unexpected) as told:
            client.ask_once("GET", "/capsules")
        client.close()

    assert (told.value.code, told.value.values) == ("unexpected", {"log": "MC-1234"})
