"""Parses conditions into trees.

The grammar is cel-python's, because its parser tells where each part stands. It is slow, so only loading a bundle
uses it; evaluation is `domain.expression`.
"""

import importlib.util
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cel

from domain.conditions.tree import Call, Chain, Choice, Field, Index, Items, Literal, Logic, Name, Node, Unary
from domain.expression import MAX_NESTING, Unusable, loops_within_limits, unreadable

_OPERATORS = {
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_in": "in",
    "addition_add": "+",
    "addition_sub": "-",
    "multiplication_mul": "*",
    "multiplication_div": "/",
    "multiplication_mod": "%",
}
_LOGIC = {"conditionalor": "||", "conditionaland": "&&"}
_CHAINS = {"relation", "addition", "multiplication"}
_INSTEAD = {
    "=": "write == to compare",
    "and": "write && for 'and'",
    "or": "write || for 'or'",
    "not": "write ! for 'not', as in !(a in b)",
    "&": "write && for 'and'",
    "|": "write || for 'or'",
    "‘": "write straight quotes: '",
    "’": "write straight quotes: '",
    "“": "write straight quotes: '",
    "”": "write straight quotes: '",
}


@lru_cache(maxsize=2048)
def parse(text: str) -> Node:
    """Return a condition as a tree. Raises Unusable for what cannot be read or is beyond the limits."""
    loops_within_limits(text)
    import lark  # here: only who loads a bundle needs it, and it takes longer than the rest of a command

    try:
        tree = _parser().parse(text)
    except lark.UnexpectedInput as problem:
        raise _unexpected(text, problem) from problem
    try:
        cel.compile(text)
    except ValueError as problem:
        raise unreadable(text, str(problem)) from problem
    return _expression(tree, 0)


@lru_cache(maxsize=1)
def _parser() -> Any:
    """Return cel-python's parser, made from its grammar: its own forgets where `true` and `false` stand."""
    import lark

    spec = importlib.util.find_spec("celpy")
    if spec is None or spec.origin is None:
        raise ImportError("cel-python is not installed")
    return lark.Lark(
        Path(spec.origin).with_name("cel.lark").read_text(encoding="utf-8"),
        parser="lalr",
        start="expr",
        g_regex_flags=re.M,
        lexer_callbacks={"IDENT": _truth},
        propagate_positions=True,
        maybe_placeholders=False,
        priority="invert",
    )


def _truth(token: Any) -> Any:
    return type(token).new_borrow_pos("BOOL_LIT", token, token) if token in ("true", "false") else token


def _unexpected(text: str, problem: Any) -> Unusable:
    token = getattr(problem, "token", None)
    if token is not None and token.type == "$END":
        return Unusable("the condition ends too early: something is missing at its end", len(text.rstrip()))
    offset = int(problem.pos_in_stream)
    written = str(token) if token is not None else text[offset : offset + 1]
    if written in ("'", '"'):
        return Unusable("the text that begins here does not end: its last quote is missing", offset)
    hint = _INSTEAD.get(written) or _INSTEAD.get(written[:1])
    return Unusable(f"'{written[:40]}' is not expected here{f': {hint}' if hint else ''}", offset)


def _expression(tree: Any, depth: int) -> Node:
    """Return the node of a rule of the grammar; those with one child only pass it on."""
    while tree.data not in _SHAPED and len(tree.children) == 1:
        tree = tree.children[0]
    if depth > 2 * MAX_NESTING:
        raise Unusable(f"the condition nests deeper than {MAX_NESTING}: make several rules of it", _at(tree))
    inner = depth + 1
    if tree.data == "expr":
        condition, then, otherwise = (_expression(child, inner) for child in tree.children)
        return Choice(condition, then, otherwise, _at(tree))
    if tree.data in _LOGIC:
        operands = [_expression(child, inner) for child in _operands(tree)]
        return Logic(_LOGIC[tree.data], tuple(operands), _at(tree))
    if tree.data in _CHAINS:
        return _chain(tree, inner)
    if tree.data == "unary":
        return _unary(tree, inner)
    return _member(tree, inner)


def _at(tree: Any) -> int:
    return int(getattr(tree.meta, "start_pos", None) or 0)  # an empty list or map has no place of its own


def _operands(tree: Any) -> list[Any]:
    """Return the operands of a chain of `&&` or of `||`, which the grammar nests to the left."""
    found: list[Any] = []
    kind = tree.data
    while tree.data == kind and len(tree.children) == 2:
        found.append(tree.children[1])
        tree = tree.children[0]
    return [tree, *reversed(found)]


def _chain(tree: Any, depth: int) -> Chain:
    rest: list[tuple[str, Any]] = []
    kind = tree.data
    while tree.data == kind and len(tree.children) == 2:
        operator, operand = tree.children
        rest.append((_OPERATORS[operator.data], operand))
        tree = operator.children[0]
    done = tuple((operator, _expression(operand, depth)) for operator, operand in reversed(rest))
    return Chain(_expression(tree, depth), done, _at(tree))


def _unary(tree: Any, depth: int) -> Unary:
    start, operators = tree, ""
    while tree.data == "unary" and len(tree.children) == 2:
        operators += "!" if tree.children[0].data == "unary_not" else "-"
        tree = tree.children[1]
    return Unary(operators, _expression(tree, depth), _at(start))


def _member(tree: Any, depth: int) -> Node:
    """Return a value with what follows it: `a.b.c`, `a[0].b`, `a.contains(b)`."""
    links: list[Any] = []
    while tree.data not in _PRIMARY:
        if tree.data.startswith("member_"):
            links.append(tree)
        tree = tree.children[0]
    if len(links) > MAX_NESTING:
        raise Unusable(f"more than {MAX_NESTING} fields in a row: make several rules of it", _at(tree))
    node = _primary(tree, depth)
    for link in reversed(links):
        node = _linked(node, link, depth)
    return node


def _linked(node: Node, link: Any, depth: int) -> Node:
    if link.data == "member_index":
        return Index(node, _expression(link.children[1], depth), node.at)
    if link.data == "member_object":
        raise Unusable("'{' is not expected here: records cannot be made in a condition", _at(link))
    name = link.children[1]
    if link.data == "member_dot":
        return Field(node, str(name), int(name.start_pos))
    return Call(str(name), node, tuple(_arguments(link.children[2:], depth)), int(name.start_pos))


def _primary(tree: Any, depth: int) -> Node:
    kind, first = tree.data, tree.children[0] if tree.children else None
    if kind == "literal":
        return Literal(_value(first), _at(tree))
    if kind == "ident":
        return Name(str(first), _at(tree))
    if kind == "ident_arg":
        return Call(str(first), None, tuple(_arguments(tree.children[1:], depth)), _at(tree))
    if kind == "paren_expr":
        return _expression(first, depth)
    if kind == "list_lit":
        return Items(tuple(_arguments(tree.children, depth)), _at(tree))
    if kind == "map_lit":
        parts = [_expression(child, depth) for child in (first.children if first is not None else [])]
        return Items(tuple(parts[1::2]), _at(tree), keys=tuple(parts[::2]))
    raise Unusable("'.' is not expected here", _at(tree))


def _arguments(children: list[Any], depth: int) -> Iterator[Node]:
    for child in children[0].children if children else ():
        yield _expression(child, depth)


def _value(token: Any) -> Any:
    """Return the value of a literal as the evaluator reads it."""
    if token.type in ("BYTES_LIT", "UINT_LIT"):
        raise Unusable(f"{token} is not allowed: write a text or a whole number", int(token.start_pos))
    return cel.evaluate(str(token))


_PRIMARY = frozenset(
    {"literal", "ident", "ident_arg", "paren_expr", "list_lit", "map_lit", "dot_ident", "dot_ident_arg"}
)
_SHAPED = _PRIMARY | {"member_dot", "member_dot_arg", "member_index", "member_object"}
