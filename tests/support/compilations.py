"""SQL that one test has had compiled is known to the next, whose store has an engine of its own."""

from typing import Any


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
