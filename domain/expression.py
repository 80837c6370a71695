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
_MACRO = re.compile(r"\.\s*(?P<name>map|filter|exists|exists_one|all)\s*\(\s*(?P<variable>\w+)?")
_QUADRATIC = ("map", "filter")
_COMPLAINT = re.compile(r"<input>:(?P<line>[0-9]+):(?P<column>[0-9]+): (?:Syntax error: )?(?P<complaint>.*)")

_ABOUT_MACROS = ("invalid argument to", "argument must be")
"""How the complaints begin whose column counts the bytes of UTF-8. The column of all others counts characters."""


class Unusable(ValueError):
    """A condition that may not be used. `offset` is the character where the reason stands."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def compile_expression(text: str, names: frozenset[str]) -> cel.Program:
    """Compile `text`, which may use only the variables in `names`.

    Raises Unusable, a ValueError, for what does not parse, is too long, too deep, uses an unknown variable, or uses
    a macro whose cost is not bounded.
    """
    loops = loops_within_limits(text)
    try:
        program = cel.compile(text)
    except ValueError as problem:
        raise unreadable(text, str(problem)) from problem
    bound = {loop["variable"] for loop in loops}  # the parser reports the names a macro binds as variables too
    if unknown := set(program.variables()) - names - bound:
        raise Unusable(f"no variable '{min(unknown)}'; known: {', '.join(sorted(names))}")
    return program


def loops_within_limits(text: str) -> list[re.Match[str]]:
    """Return the loops of a condition. Raises Unusable for what is too long, too deep, or loops without bounds."""
    if len(text) > MAX_LENGTH:
        message = f"the condition has {len(text)} characters; the limit is {MAX_LENGTH}: make several rules of it"
        raise Unusable(message, MAX_LENGTH)
    bare = without_texts(text)
    if (deep := _too_deep(bare)) is not None:
        raise Unusable(f"the condition nests deeper than {MAX_NESTING} brackets: make several rules of it", deep)
    loops = list(_MACRO.finditer(bare))
    for loop in loops:
        if (name := loop["name"]) in _QUADRATIC:
            message = f"'{name}' is not allowed: its cost grows with the square of the list; use 'exists' or 'all'"
            raise Unusable(message, loop.start("name"))
    if len(loops) > MAX_LOOPS:
        message = f"{len(loops)} loops (exists, exists_one, all) in one condition; the limit is {MAX_LOOPS}"
        raise Unusable(f"{message}: make several rules of it", loops[MAX_LOOPS].start("name"))
    return loops


def without_texts(text: str) -> str:
    """Return a condition, as long as before, with nothing in its literal texts and no comments."""
    return _OPAQUE.sub(
        lambda found: " " * len(found[0]) if found["comment"] else f"'{'_' * (len(found[0]) - 2)}'", text
    )


def unreadable(text: str, said: str) -> Unusable:
    """Return the evaluator's first complaint about a text it cannot parse, with the place it names."""
    found = _COMPLAINT.search(said)
    if found is None:
        return Unusable(f"the condition cannot be read: {said[:200]}")
    complaint = found["complaint"]
    if complaint.startswith("token recognition error") and "\\" in complaint:
        complaint = r"a text has a backslash that means nothing; write \\ for each, or r'...' around the text"
    lines = text.split("\n")  # not splitlines: for the evaluator nothing else ends a line
    number, column = int(found["line"]) - 1, int(found["column"]) - 1
    if complaint.startswith(_ABOUT_MACROS):
        column = len(lines[number].encode()[:column].decode(errors="ignore"))
    before = sum(len(line) + 1 for line in lines[:number])
    return Unusable(f"the condition cannot be read: {complaint}", before + column)


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


def _too_deep(text: str) -> int | None:
    """Return where the nesting passes the limit, None when it does not."""
    depth = 0
    for offset, character in enumerate(text):
        if character in "([{":
            depth += 1
            if depth > MAX_NESTING:
                return offset
        elif character in ")]}":
            depth -= 1
    return None
