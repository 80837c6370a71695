"""Two evaluators of CEL, one answer: ours (in Rust) and cel-python agree on the conditions that bundles may use.

Where they differ is known, and shown below: whether whole numbers compare with decimals, how long a text with umlauts
is, what a text is that was put together, and what becomes of an error inside a loop. In each of these ours is right,
or fails, or docs/policy.md says it.
"""

from typing import Any

import celpy
import hypothesis.strategies as st
import pytest
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError
from hypothesis import given, settings

from domain.expression import RuleFailed, compile_expression, context_of, holds

NAMES = frozenset({"number", "other", "text", "word", "flag", "words", "numbers", "record"})
Outcome = bool | str


ENVIRONMENT = celpy.Environment()
"""Made here, because it raises Python's recursion limit, which may not change during a test."""


def ours(condition: str, values: dict[str, Any]) -> Outcome:
    try:
        return holds(compile_expression(condition, NAMES), context_of(values))
    except RuleFailed:
        return "fails"


def theirs(condition: str, values: dict[str, Any]) -> Outcome:
    program = ENVIRONMENT.program(ENVIRONMENT.compile(condition))
    try:
        answer = program.evaluate({name: json_to_cel(value) for name, value in values.items()})
    except CELEvalError:
        return "fails"
    return bool(answer) if isinstance(answer, celpy.celtypes.BoolType) else "fails"


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


LETTERS = st.text(alphabet="abü'\\ ", max_size=4)
PLAIN = st.text(alphabet="ab", max_size=3)
WHOLE = st.integers(-20, 20)
VALUES = st.fixed_dictionaries(
    {
        "number": WHOLE,
        "other": WHOLE,
        "text": LETTERS,
        "word": PLAIN,
        "flag": st.booleans(),
        "words": st.lists(PLAIN, max_size=3),
        "numbers": st.lists(WHOLE, max_size=3),
        "record": st.fixed_dictionaries({"always": WHOLE}, optional={"sometimes": PLAIN, "other": WHOLE}),
    }
)


def numbers() -> st.SearchStrategy[str]:
    """Draw something that is a whole number, or fails."""
    base = st.one_of(
        st.sampled_from(["number", "other", "record.always", "record.other", "size(words)", "size(word)"]),
        st.sampled_from(["numbers[0]", "int('7')", "int(word)", "word.size()"]),
        WHOLE.map(str),
    )
    return st.recursive(
        base,
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%"), inner),
            st.builds("(flag ? {} : {})".format, inner, inner),
        ),
        max_leaves=4,
    )


def texts() -> st.SearchStrategy[str]:
    """Draw something that is a text, or fails."""
    named = st.sampled_from(["text", "word", "record.sometimes", "words[0]", "string(number)"])
    return st.one_of(named, LETTERS.map(quoted))


def questions(loops: bool) -> st.SearchStrategy[str]:
    """Draw something that is true or false, or fails."""
    order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    parts = st.sampled_from(["contains", "startsWith", "endsWith"])
    patterns = st.sampled_from(["'a'", "'^a+$'", "'(?i)B|ü'", r"'a.b?'", r"'^[^b]*$'"])
    bases = [
        st.sampled_from(["true", "false", "flag", "has(record.sometimes)", "has(record.other)", "'other' in record"]),
        st.builds("{} {} {}".format, numbers(), order, numbers()),
        st.builds("{} {} {}".format, texts(), order, texts()),
        st.builds("({} + {}) == {}".format, texts(), texts(), texts()),
        st.builds("{}.{}({})".format, texts(), parts, texts()),
        st.builds("{}.matches({})".format, texts(), patterns),
        st.builds("{} in words".format, texts()),
        st.builds("{} in [1, 2, number]".format, numbers()),
        st.builds("{} {} ['a', word]".format, st.just("words"), st.sampled_from(["==", "!="])),
    ]
    if loops:
        inside = st.sampled_from(["item == word", "item.contains('a')", "item in ['a', text]", "item > word", "flag"])
        bases.append(st.builds("words.{}(item, {})".format, st.sampled_from(["exists", "all", "exists_one"]), inside))
    return st.one_of(bases)


def conditions() -> st.SearchStrategy[str]:
    """Draw a condition of the subset."""
    return st.recursive(
        questions(loops=False),
        lambda inner: st.one_of(
            st.builds("!({})".format, inner),
            st.builds("({} && {})".format, inner, inner),
            st.builds("({} || {})".format, inner, inner),
            st.builds("({} ? {} : {})".format, inner, inner, inner),
        ),
        max_leaves=5,
    )


def agree(condition: str, values: dict[str, Any]) -> None:
    assert ours(condition, values) == theirs(condition, values)


@given(st.one_of(conditions(), questions(loops=True)), VALUES)
@settings(max_examples=300, deadline=None)
def test_both_evaluators_give_the_same_answer(condition: str, values: dict[str, Any]) -> None:
    agree(condition, values)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@given(st.one_of(conditions(), questions(loops=True)), VALUES)
@settings(max_examples=8000, deadline=None)
def test_both_evaluators_give_the_same_answer_in_the_long_run(condition: str, values: dict[str, Any]) -> None:
    agree(condition, values)


SAMPLE: dict[str, Any] = {
    "number": 1,
    "other": 2,
    "text": "é",
    "word": "a",
    "flag": True,
    "words": ["a", "b"],
    "numbers": [1],
    "record": {},
}


@pytest.mark.parametrize(
    ("condition", "our_answer", "their_answer"),
    [
        # A whole number and a decimal can be compared in ours, as newer versions of CEL have it.
        ("number == 1.0", True, "fails"),
        ("number < 1.5", True, "fails"),
        # Ours counts bytes: the limit on a text is reached sooner, never later.
        ("size(text) == 1", False, True),
        ("size(text) == 2", True, False),
        # To cel-python a text that was put together is none any more.
        ("(word + word).contains('aa')", True, "fails"),
        # In ours an error inside a loop is an error, whatever the other items say.
        ("words.exists(item, record.nothing == item || item == 'b')", "fails", True),
    ],
)
def test_where_they_differ_is_known(condition: str, our_answer: Outcome, their_answer: Outcome) -> None:
    assert (ours(condition, SAMPLE), theirs(condition, SAMPLE)) == (our_answer, their_answer)
