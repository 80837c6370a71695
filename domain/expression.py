"""Conditions in CEL (the Common Expression Language), compiled once and evaluated without side effects.

Only what stays linear is allowed: the list-building macros `map` and `filter` are refused, because the
evaluator's cost grows with the square of the list, and length and nesting are bounded, because it has no
budget of its own. An expression that fails raises; whoever asks decides what failing closed means there.
"""

import re
from collections.abc import Mapping
from typing import Any

import cel

MAX_LENGTH = 1000
MAX_NESTING = 24
MAX_LOOPS = 2

# Strings and comments as the CEL grammar has them: what looks like a macro in one is none, and what follows one is.
_OPAQUE = re.compile(
    r"""
    (?: [bB]?[rR] | [rR][bB] ) (?: '''.*?''' | \"\"\".*?\"\"\" | '[^'\r\n]*' | "[^"\r\n]*" )
    | [bB]? (?: '''(?:\\.|[^\\])*?''' | \"\"\"(?:\\.|[^\\])*?\"\"\" | '(?:\\.|[^'\\\r\n])*' | "(?:\\.|[^"\\\r\n])*" )
    | (?P<comment> //[^\n]* )
    """,
    re.VERBOSE | re.DOTALL,
)
_MACRO = re.compile(r"\.\s*(map|filter|exists|exists_one|all)\s*\(\s*(\w+)?")
_QUADRATIC = ("map", "filter")


def compile_expression(text: str, names: frozenset[str]) -> cel.Program:
    """Compile `text`, which may use only the variables in `names`.

    Raises ValueError, with line and column where the parser gives them, for what does not parse, is too
    long, too deep, uses an unknown variable, or uses a macro whose cost is not bounded.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the expression has {len(text)} characters; the limit is {MAX_LENGTH}")
    bare = _OPAQUE.sub(lambda found: " " if found["comment"] else "''", text)
    if _nesting(bare) > MAX_NESTING:
        raise ValueError(f"the expression nests deeper than {MAX_NESTING}")
    macros = _MACRO.findall(bare)
    for macro, _ in macros:
        if macro in _QUADRATIC:
            raise ValueError(f"'{macro}' is not allowed: its cost grows with the square of the list; use 'exists'")
    if len(macros) > MAX_LOOPS:
        raise ValueError(f"{len(macros)} loops (exists, exists_one, all) in one expression; the limit is {MAX_LOOPS}")
    program = cel.compile(text)
    bound = {name for _, name in macros}  # the parser reports the names a macro binds as variables too
    if unknown := set(program.variables()) - names - bound:
        raise ValueError(f"no variable '{min(unknown)}'; known: {', '.join(sorted(names))}")
    return program


def holds(program: cel.Program, context: cel.Context) -> bool:
    """Return whether the condition holds.

    Raises RuleFailed for an evaluation error and for an answer that is not a bool: `1` is not `true`.
    """
    try:
        answer = program.execute(context)
    except Exception as problem:  # the binding raises KeyError, TypeError, RuntimeError and ValueError alike
        raise RuleFailed(f"{type(problem).__name__}: {problem}"[:300]) from problem
    if not isinstance(answer, bool):
        raise RuleFailed(f"the condition gave {type(answer).__name__}, not bool")
    return answer


def context_of(variables: Mapping[str, Any]) -> cel.Context:
    """Build the evaluation context once: converting it for each rule costs more than ten times as much."""
    return cel.Context(variables=dict(variables))


class RuleFailed(Exception):
    """A condition could not be judged. The caller must take the stricter way."""


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest
