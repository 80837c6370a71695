"""A condition as a tree, each part with the character where it stands.

Long chains (`a && b && c`, `a + b - c`) are one node with many operands, so that depth stays bounded.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Literal:
    """A value written into the condition: a text, a number, true, false or null."""

    value: str | int | float | bool | None
    at: int


@dataclass(frozen=True)
class Name:
    """A variable."""

    name: str
    at: int


@dataclass(frozen=True)
class Field:
    """`of.name`; `at` is where the name stands."""

    of: "Node"
    name: str
    at: int


@dataclass(frozen=True)
class Index:
    """`of[key]`."""

    of: "Node"
    key: "Node"
    at: int


@dataclass(frozen=True)
class Call:
    """`name(arguments)` or `of.name(arguments)`; `at` is where the name stands."""

    name: str
    of: "Node | None"
    arguments: tuple["Node", ...]
    at: int


@dataclass(frozen=True)
class Unary:
    """`!` or `-`, each as often as it is written, before one operand."""

    operators: str
    operand: "Node"
    at: int


@dataclass(frozen=True)
class Logic:
    """`&&` or `||` between two or more conditions."""

    operator: str
    operands: tuple["Node", ...]
    at: int


@dataclass(frozen=True)
class Chain:
    """Operators of the same strength from left to right: `a + b - c`."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]
    at: int


@dataclass(frozen=True)
class Choice:
    """`condition ? then : otherwise`."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"
    at: int


@dataclass(frozen=True)
class Items:
    """A list written into the condition, or with `keys` a map."""

    items: tuple["Node", ...]
    at: int
    keys: tuple["Node", ...] | None = None


Node: TypeAlias = Literal | Name | Field | Index | Call | Unary | Logic | Chain | Choice | Items


def path_of(node: Node) -> str:
    """Return how a value is reached by names, `arguments.refund.amount_minor`; empty for what is no such path."""
    names: list[str] = []
    while isinstance(node, Field | Index):
        if isinstance(node, Field):
            names.append(node.name)
        elif isinstance(node.key, Literal) and isinstance(node.key.value, str):
            names.append(node.key.value)
        else:
            return ""
        node = node.of
    return ".".join([node.name, *reversed(names)]) if isinstance(node, Name) else ""


def described(node: Node) -> str:
    """Return how a message names a part of a condition."""
    if isinstance(node, Literal):
        shown = "null" if node.value is None else str(node.value).lower() if isinstance(node.value, bool) else None
        return shown or (f"'{node.value[:60]}'" if isinstance(node.value, str) else str(node.value))
    return path_of(node) or "this"


def start_of(node: Node) -> int:
    """Return the character where a part begins: of `a.b.c` where the `a` stands."""
    while isinstance(node, Field | Index) or (isinstance(node, Call) and node.of is not None):
        node = node.of  # type: ignore[assignment]
    return node.at
