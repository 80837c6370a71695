"""What holds where a part of a condition is asked.

In `a && b` it does not matter what `b` is where `a` is false, in whichever order they stand: the evaluator takes
`false && error` and `error && false` for false. So each operand of `&&` is read as if all others held, and each of
`||` as if none of the others did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.conditions.shapes import Shape
from domain.conditions.tree import Call, Chain, Items, Literal, Logic, Node, Unary, path_of


@dataclass(frozen=True)
class Known:
    """What is known: which action types and use cases it can be about, what is there, what is not null.

    `bound` are the variables of loops.
    """

    action_types: frozenset[str]
    use_cases: frozenset[str]
    present: frozenset[str] = frozenset()
    not_null: frozenset[str] = frozenset()
    bound: Mapping[str, Shape] = field(default_factory=dict)


def narrowed(node: Node, known: Known, holds: bool) -> Known:
    """Return what is known where a condition holds, or where it does not."""
    if isinstance(node, Unary) and set(node.operators) == {"!"}:
        return narrowed(node.operand, known, holds ^ (len(node.operators) % 2 == 1))
    if isinstance(node, Logic):
        if (node.operator == "&&") == holds:
            return narrowed_by(node.operands, known, holds)
        return _either([narrowed(operand, known, holds) for operand in node.operands])
    if isinstance(node, Call) and node.name == "has" and len(node.arguments) == 1 and holds:
        return replace(known, present=known.present | {path_of(node.arguments[0])})
    if isinstance(node, Chain) and len(node.rest) == 1:
        operator, right = node.rest[0]
        return _compared(node.first, operator, right, known, holds)
    return known


def narrowed_by(nodes: Iterable[Node], known: Known, holds: bool) -> Known:
    """Return what is known where all of these hold, or where none does."""
    for node in nodes:
        known = narrowed(node, known, holds)
    return known


def _compared(left: Node, operator: str, right: Node, known: Known, holds: bool) -> Known:
    if operator == "in":
        if isinstance(left, Literal) and isinstance(left.value, str) and path_of(right) and holds:
            return replace(known, present=known.present | {f"{path_of(right)}.{left.value}"})
        return _restricted(path_of(left), _texts(right), known, holds)
    if operator not in ("==", "!="):
        return known
    same = holds == (operator == "==")
    for path, value in ((path_of(left), right), (path_of(right), left)):
        if not isinstance(value, Literal):
            continue
        if value.value is None and not same:
            return replace(known, not_null=known.not_null | {path})
        if isinstance(value.value, str):
            known = _restricted(path, frozenset({value.value}), known, same)
            known = replace(known, not_null=known.not_null | {path}) if same else known
    return known


def _restricted(path: str, values: frozenset[str] | None, known: Known, inside: bool) -> Known:
    if values is None or path not in ("action_type", "use_case.id"):
        return known
    before = known.action_types if path == "action_type" else known.use_cases
    left = before & values if inside else before - values
    return replace(known, action_types=left) if path == "action_type" else replace(known, use_cases=left)


def _texts(node: Node) -> frozenset[str] | None:
    """Return the texts of a list that is written out, None for anything else."""
    if not isinstance(node, Items) or node.keys is not None:
        return None
    texts = [item.value for item in node.items if isinstance(item, Literal) and isinstance(item.value, str)]
    return frozenset(texts) if len(texts) == len(node.items) else None


def _either(ways: list[Known]) -> Known:
    """Return what is known when one of several ways it came about."""
    return replace(
        ways[0],
        action_types=frozenset[str]().union(*(way.action_types for way in ways)),
        use_cases=frozenset[str]().union(*(way.use_cases for way in ways)),
        present=frozenset.intersection(*(way.present for way in ways)),
        not_null=frozenset.intersection(*(way.not_null for way in ways)),
    )
