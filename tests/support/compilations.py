"""SQL that one test has had compiled is known to the next, whose store has an engine of its own."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine

from memorycapsule.store import transactions


class Compilations(dict[Any, Any]):
    """
    Compiled statements of all engines, for SQLAlchemy's execution option `compiled_cache`.

    SQLAlchemy keeps them for each engine's dialect apart. Ours are alike, but for the kind of database.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        dialect, *rest = key
        return super().get((dialect.name, *rest), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        dialect, *rest = key
        super().__setitem__((dialect.name, *rest), compiled)


_known = Compilations()


@contextmanager
def remembering_statements() -> Iterator[None]:
    """Have all stores of this process share what was compiled: to do it again for each takes a tenth of the time."""
    options = {"compiled_cache": _known}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            transactions, "create_engine", functools.partial(create_engine, execution_options=options)
        )
        yield
