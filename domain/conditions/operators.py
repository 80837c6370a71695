"""What operators make of the kinds of their operands. What the evaluator would refuse for some values is a problem."""

from collections.abc import Iterator
from itertools import product

from domain.catalog.problems import suggestion
from domain.conditions.shapes import ANYTHING, NUMBERS, TRUTH, Kind, Shape, of_value
from domain.conditions.tree import Field, Items, Literal, Node, described, start_of

_W, _D, _T, _L, _M, _S = Kind.WHOLE, Kind.DECIMAL, Kind.TEXT, Kind.LIST, Kind.MOMENT, Kind.SPAN
_GIVES: dict[tuple[Kind, str, Kind], Kind] = {
    **{(number, operator, number): number for number in (_W, _D) for operator in "+-*/"},
    (_W, "%", _W): _W,
    (_T, "+", _T): _T,
    (_L, "+", _L): _L,
    (_M, "+", _S): _M,
    (_S, "+", _M): _M,
    (_S, "+", _S): _S,
    (_M, "-", _M): _S,
    (_M, "-", _S): _M,
    (_S, "-", _S): _S,
}
_ORDERED = (NUMBERS, {Kind.TEXT}, {Kind.MOMENT}, {Kind.SPAN})


def operated(left: Node, a: Shape, operator: str, right: Node, b: Shape) -> tuple[Shape, list[tuple[int, str]]]:
    """Return what `left operator right` gives, and what is wrong with it, with the character where."""
    if operator in ("==", "!="):
        return TRUTH, list(_never_equal(left, a, right, b))
    if operator == "in":
        return TRUTH, list(_never_in(left, a, right, b))
    if nullable := [
        (start_of(node), can_be_null(node)) for node, shape in ((left, a), (right, b)) if _is_nullable(shape)
    ]:
        return ANYTHING, nullable
    if operator in ("<", "<=", ">", ">="):
        said = f"{described(left)} is {a} and {described(right)} is {b}: '{operator}' cannot compare them"
        return TRUTH, [] if _is_ordered(a, b) else [(start_of(right), said)]
    given = _calculated(a, operator, b)
    if given is not None:
        return given, []
    return ANYTHING, [(start_of(right), _uncalculable(left, a, operator, right, b))]


def can_be_null(node: Node) -> str:
    """Return the message about a value that would fail where it is null."""
    return f"{described(node)} can be null: ask {described(node)} != null && ... first"


def _is_nullable(shape: Shape) -> bool:
    return Kind.NULL in shape.kinds and len(shape.kinds) > 1


def _calculated(left: Shape, operator: str, right: Shape) -> Shape | None:
    """Return what `left operator right` gives, None when it fails for some values."""
    if not left.is_known or not right.is_known:
        return ANYTHING
    kinds = [_GIVES.get((a, operator, b)) for a, b in product(left.kinds, right.kinds)]
    known = frozenset(kind for kind in kinds if kind is not None)
    return Shape(known) if len(known) and None not in kinds else None


def _uncalculable(left: Node, a: Shape, operator: str, right: Node, b: Shape) -> str:
    if (a.kinds | b.kinds) <= NUMBERS and operator != "%":
        instead = [_as_decimal(node) for node, shape in ((left, a), (right, b)) if shape.kinds != {Kind.DECIMAL}]
        return (
            f"{described(left)} is {a} and {described(right)} is {b}, but '{operator}' takes two of the same kind: "
            f"write {' and '.join(instead)}"
        )
    return f"'{operator}' cannot take {a} ({described(left)}) and {b} ({described(right)})"


def _as_decimal(node: Node) -> str:
    return f"{node.value}.0" if isinstance(node, Literal) else f"double({described(node)})"


def _is_ordered(left: Shape, right: Shape) -> bool:
    """Say whether `<` and its like can take such values."""
    if not left.is_known or not right.is_known:
        return True
    return any(left.kinds <= kinds and right.kinds <= kinds for kinds in _ORDERED)


def _never_equal(left: Node, a: Shape, right: Node, b: Shape) -> Iterator[tuple[int, str]]:
    """Yield why two values can never be equal, with the character where."""
    if not a.is_known or not b.is_known:
        return
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, a, right, b = right, b, left, a
    if not _widened(a) & _widened(b):
        yield start_of(right), _different(left, a, right, b)
    elif (
        a.values is not None and b.values is not None and not a.values & b.values and Kind.NULL not in a.kinds & b.kinds
    ):
        yield start_of(right), _unlisted(left, a, right)


def _never_in(left: Node, a: Shape, right: Node, b: Shape) -> Iterator[tuple[int, str]]:
    """Yield why a value can never be in a list; of a list that is written out each item is looked at."""
    if isinstance(right, Items) and right.keys is None:
        for item in right.items:
            if isinstance(item, Literal) and not isinstance(left, Literal):
                yield from _never_equal(left, a, item, of_value(item.value))
        return
    if b.kinds == {Kind.TEXT}:
        yield (
            start_of(right),
            f"'in' looks for an item of a list; for a part of a text write {described(right)}.contains(...)",
        )
    elif b.is_known and not b.kinds <= {Kind.LIST, Kind.RECORD}:
        yield start_of(right), f"'in' looks for an item of a list, but {described(right)} is {b}"
    elif Kind.LIST in b.kinds and b.item is not None and isinstance(left, Literal):
        for at, message in _never_equal(right, b.item, left, a):
            yield at, message.replace(f"{described(right)} is", f"an item of {described(right)} is")


def _widened(shape: Shape) -> frozenset[Kind]:
    return shape.kinds | NUMBERS if shape.kinds & NUMBERS else shape.kinds


def _different(left: Node, a: Shape, right: Node, b: Shape) -> str:
    if b.kinds == {Kind.NULL}:
        return f"{described(left)} is {a} and never null" + (
            f"; to ask whether it is there write has({described(left)})" if isinstance(left, Field) else ""
        )
    hint = ""
    if isinstance(right, Literal) and isinstance(right.value, str):
        if a.kinds <= NUMBERS and right.value.strip().lstrip("-").isdigit():
            hint = f": write {right.value.strip()} without quotes"
        elif a.kinds == {Kind.TRUTH} and right.value.lower() in ("true", "false"):
            hint = f": write {right.value.lower()} without quotes"
        elif a.kinds == {Kind.LIST}:
            hint = f": write '{right.value}' in {described(left)}"
    elif isinstance(right, Literal) and a.kinds == {Kind.TEXT}:
        hint = f": write '{described(right)}' in quotes"
    return f"{described(left)} is {a} and {described(right)} is {b}, so they are never equal{hint}"


def _unlisted(left: Node, a: Shape, right: Node) -> str:
    values = a.values or frozenset()
    if isinstance(right, Literal):
        texts = [str(value) for value in values]
        return f"{described(left)} is never {described(right)}{suggestion(str(right.value), texts)}"
    return f"{described(left)} and {described(right)} have no value in common"
