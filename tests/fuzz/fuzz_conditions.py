"""Fuzz target: whatever is written as a condition, it is refused with the place of each mistake, or it can be asked.

    python -m tests.fuzz.fuzz_conditions -timeout=3 -max_total_time=60 [CORPUS_FOLDER]

The first byte of an input says where the condition stands (a rule, a route, a tier), the rest is the condition. It ends
with status 0 when nothing broke; an input that breaks something, or takes longer than the time-out, is written to the
working folder.
"""

import sys

import atheris

with atheris.instrument_imports(include=["domain", "lark"]):
    from domain.catalog.variables import ON_ACTION, ON_ROUTE, ON_SCORES
    from domain.conditions.checking import problems_in_condition
    from domain.expression import RuleFailed, Unusable, compile_expression, context_of, holds
    from tests.domain.test_conditions import VARIABLES

NAMES = [ON_ACTION, ON_ROUTE, ON_SCORES]


def check_laws(data: bytes) -> None:
    """Hold the reading of conditions to its laws for one input."""
    names = NAMES[data[0] % len(NAMES)] if data else ON_ACTION
    text = data[1:].decode("utf-8", "replace")
    problems = problems_in_condition(text, names, VARIABLES, VARIABLES.action_types, VARIABLES.use_cases)
    if not all(message and 0 <= offset <= len(text) for offset, message in problems):
        raise AssertionError(f"a mistake without its place: {problems}")
    try:
        program = compile_expression(text, names)
    except Unusable as refusal:
        if not problems:
            raise AssertionError(f"no mistake was found in a condition that cannot be compiled: {refusal}") from refusal
        return
    try:
        holds(program, context_of({}))
    except RuleFailed:
        return


if __name__ == "__main__":
    atheris.Setup(sys.argv, check_laws)
    atheris.Fuzz()
