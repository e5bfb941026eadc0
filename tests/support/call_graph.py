"""Which functions of the program lead to which others, read from its sources."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.syntax_trees import tree_of

SOURCES = Path(__file__).parents[2] / "src"


@dataclass
class CallGraph:
    """Names at module level, each with the names that its lines mention: calls, callbacks, dependencies alike."""

    mentions: dict[str, set[str]] = field(default_factory=dict)

    def leading_to(self, targets: set[str]) -> set[str]:
        """All names from which one of `targets` can be reached, these included."""
        found = set(targets)
        while True:
            more = {name for name, others in self.mentions.items() if others & found} - found
            if not more:
                return found
            found |= more


def call_graph(package: str) -> CallGraph:
    graph = CallGraph()
    for path in sorted((SOURCES / package.replace(".", "/")).rglob("*.py")):
        module = ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
        read_module(graph, module, tree_of(path))
    return graph


def read_module(graph: CallGraph, module: str, tree: ast.Module) -> None:
    imported = dict(imports(tree))
    local = {name for node in tree.body for name in defined(node)}
    for node in tree.body:
        for name in defined(node):
            graph.mentions[f"{module}.{name}"] = {
                f"{module}.{found}" if found in local else resolved(found, imported)
                for found in mentioned(node)
            }


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((one.asname or one.name, f"{node.module}.{one.name}") for one in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names)


def defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [one.id for one in targets if isinstance(one, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def mentioned(node: ast.AST) -> Iterator[str]:
    """Names and dotted names: `reading`, `reading.capsule`."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name | ast.Attribute):
            yield ast.unparse(one)


def resolved(name: str, imported: dict[str, str]) -> str:
    first, dot, rest = name.partition(".")
    return f"{imported.get(first, first)}{dot}{rest}"
