import pytest

from support.cast import Time


@pytest.fixture
def time():
    return Time()
