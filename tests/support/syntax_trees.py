"""Syntax trees of source files, each parsed once however many tests look at it."""

from __future__ import annotations

import ast
import functools
from pathlib import Path


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return what a file says; nobody changes it, since others look at it as well."""
    return ast.parse(path.read_text(encoding="utf-8"))
