"""S3 servers, each started once for the tests that want it."""

from contextlib import ExitStack
from functools import cache

import pytest

from support.s3_servers import S3Server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """What starts the server of a name, the first time."""
    with ExitStack() as started:

        @cache
        def start(name: str) -> S3Server:
            return started.enter_context(S3Server(name, tmp_path_factory.mktemp(name)))

        yield start
