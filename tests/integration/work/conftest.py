import pytest

from cast import Time


@pytest.fixture
def time():
    return Time()
