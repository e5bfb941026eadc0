"""Files that are refused for the reason that they should be."""

from contextlib import contextmanager

import pytest

from memorycapsule.errors import MediaRefused


@contextmanager
def refused(*refusals, **values):
    """Expect that a file is refused for one of these reasons, with these values where they are named."""
    with pytest.raises(MediaRefused) as raised:
        yield
    refusal = raised.value.refusal
    assert refusal in refusals
    assert set(raised.value.values) == set(refusal.places)
    assert {name: raised.value.values[name] for name in values} == values
