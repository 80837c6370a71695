"""The functions that conditions may use: a subset of CEL that is the same in every evaluator."""

import re
from dataclasses import dataclass

import cel

from domain.conditions.shapes import DECIMAL, NUMBERS, TEXT, TRUTH, WHOLE, Kind, Shape

MAX_REPEATS = 100
LOOPS = ("exists", "exists_one", "all")
_REPEATS = re.compile(r"(?<!\\)\{([0-9]+)(?:,([0-9]*))?\}")


@dataclass(frozen=True)
class Function:
    """What a function takes and gives. A method stands after the value it is about: `text.contains(part)`."""

    takes: tuple[frozenset[Kind], ...]
    gives: Shape
    example: str


_TEXT = frozenset({Kind.TEXT})
_MEASURED = frozenset({Kind.TEXT, Kind.LIST, Kind.RECORD})
METHODS: dict[str, Function] = {
    "contains": Function((_TEXT, _TEXT), TRUTH, "arguments.body.contains('free')"),
    "startsWith": Function((_TEXT, _TEXT), TRUTH, "arguments.to.startsWith('support@')"),
    "endsWith": Function((_TEXT, _TEXT), TRUTH, "arguments.to.endsWith('@example.com')"),
    "matches": Function((_TEXT, _TEXT), TRUTH, "arguments.body.matches('(?i)last chance')"),
    "size": Function((_MEASURED,), WHOLE, "arguments.lines.size()"),
}
FUNCTIONS: dict[str, Function] = {
    "size": Function((_MEASURED,), WHOLE, "size(arguments.lines)"),
    "int": Function((_TEXT | NUMBERS,), WHOLE, "int(arguments.number)"),
    "double": Function((_TEXT | NUMBERS,), DECIMAL, "double(arguments.price)"),
    "string": Function((_TEXT | NUMBERS,), TEXT, "string(arguments.number)"),
    "timestamp": Function((_TEXT,), Shape(frozenset({Kind.MOMENT})), "timestamp('2026-01-31T00:00:00Z')"),
    "duration": Function((_TEXT,), Shape(frozenset({Kind.SPAN})), "duration('24h')"),
}


def pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with a regular expression; None when it can be used."""
    for found in _REPEATS.finditer(pattern):
        if max(int(number[:9]) for number in found.groups() if number) > MAX_REPEATS:
            return (
                f"{found[0]} repeats more than {MAX_REPEATS} times, which is slow: bound the length in the arguments' "
                "schema, or ask with size(...)"
            )
    try:
        cel.compile("''.matches(pattern)").execute(cel.Context(variables={"pattern": pattern}))
    except RuntimeError as problem:
        said = str(problem).rpartition("error: ")[2].partition(" Check function arguments")[0]
        return f"the pattern cannot be used: {said.strip(' .')[:200]}"
    return None
