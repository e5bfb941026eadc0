"""Outboxes that are made once."""

import pytest

from support.outboxes import make_outbox, open_outbox


@pytest.fixture(scope="session")
def six(tmp_path_factory):
    """The folder of an outbox with six letters, to Ada, Ben, Cleo, Dan, Eve and Finn."""
    folder = tmp_path_factory.mktemp("six")
    make_outbox(folder, ["Ben", "Cleo", "Dan", "Eve", "Finn"])
    return folder


@pytest.fixture
def outbox(six, tmp_path):
    with open_outbox(six, tmp_path) as outbox:
        yield outbox
