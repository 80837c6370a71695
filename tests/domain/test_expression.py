import contextlib
from typing import Any

import pytest

from domain.expression import MAX_LENGTH, MAX_NESTING, RuleFailed, Unusable, compile_expression, context_of, holds

NAMES = frozenset({"arguments", "context", "action_type"})
VALUES: dict[str, Any] = {
    "action_type": "mail.send",
    "arguments": {"amount": 5, "to": ["a", "b"], "text": ".map(", "flags": [True, False]},
    "context": {"region": None},
}


def judged(text: str) -> bool:
    """Compile and evaluate."""
    return holds(compile_expression(text, NAMES), context_of(VALUES))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("true", True),
        ("arguments.amount > 4", True),
        ('action_type == "mail.send" && arguments.amount == 4', False),
        ("context.region == null", True),
        ("has(arguments.amount)", True),
        ("has(arguments.nothing)", False),
        ("arguments.to.exists(t, t == 'b')", True),
        ("arguments.to.all(t, t == 'b')", False),
        ("arguments.to.exists_one(t, t == 'b')", True),
        ("arguments.to.exists(t, arguments.to.all(u, u >= t))", True),
        ("arguments.text.contains('.map(')", True),
        ('arguments.text == ".map("', True),
        ("arguments.text == r'.map('", True),
        ("arguments.text == '''.map('''", True),
        ("arguments.amount == 5 // to.map(t, t) is only mentioned", True),
        ("arguments.text == '//' || true", True),
        (r"arguments.text == '\'.map(' || true", True),
    ],
)
def test_a_condition_holds_or_does_not(text: str, answer: bool) -> None:
    assert judged(text) is answer


@pytest.mark.parametrize("macro", ["map", "filter"])
@pytest.mark.parametrize(
    "text",
    [
        "arguments.to.MACRO(t, t) == []",
        "arguments.to.MACRO(arguments, arguments) == []",
        "arguments.to . MACRO (t, t) == []",
        "arguments.to\n.\tMACRO\n(t, t) == []",
        "arguments.to.//\nMACRO(arguments, arguments) == []",
        "arguments.to.MACRO//\n(arguments, arguments) == []",
        "arguments.to.// 'quoted\nMACRO(arguments, arguments) == [] // '",
        r"r'\' == arguments.text || arguments.to.MACRO(arguments, arguments) == ['']",
        r"""R"\" == arguments.text || arguments.to.MACRO(arguments, arguments) == [""]""",
        "'''it's''' == arguments.text || arguments.to.MACRO(arguments, arguments) == [''' ''']",
        """'''"''' == arguments.text || arguments.to.MACRO(arguments, arguments) == ['''"''']""",
        r"b'\'' == b'' || arguments.to.MACRO(arguments, arguments) == []",
        "[1].exists(x, arguments.to.MACRO(arguments, arguments) == [])",
    ],
)
def test_list_building_macros_are_refused_however_they_are_written(text: str, macro: str) -> None:
    with pytest.raises(ValueError, match=f"'{macro}' is not allowed"):
        compile_expression(text.replace("MACRO", macro), NAMES)


def test_three_loops_in_one_expression_are_too_many() -> None:
    loop = "arguments.to.exists(t, t == 'a')"

    compile_expression(f"{loop} && {loop}", NAMES)
    with pytest.raises(ValueError, match="3 loops"):
        compile_expression(f"{loop} && {loop} && {loop}", NAMES)


def test_a_comment_does_not_hide_a_loop() -> None:
    loop = "arguments.to.//\nexists(t, t == 'a')"

    with pytest.raises(ValueError, match="3 loops"):
        compile_expression(f"{loop} && {loop} && {loop}", NAMES)


def test_length_is_bounded() -> None:
    fits = "true" + " " * (MAX_LENGTH - 4)

    compile_expression(fits, NAMES)
    with pytest.raises(ValueError, match=f"has {MAX_LENGTH + 1} characters; the limit is {MAX_LENGTH}"):
        compile_expression(fits + " ", NAMES)


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("[", "]"), ("{1:", "}")])
def test_nesting_is_bounded(opening: str, closing: str) -> None:
    def nested(levels: int) -> str:
        return f"{opening * levels}1{closing * levels} == 1"

    compile_expression(nested(MAX_NESTING), NAMES)
    with pytest.raises(ValueError, match=f"nests deeper than {MAX_NESTING}"):
        compile_expression(nested(MAX_NESTING + 1), NAMES)


def test_brackets_inside_text_do_not_count_as_nesting() -> None:
    compile_expression(f"arguments.text == '{'(' * 100}'", NAMES)


@pytest.mark.parametrize("text", ["!" * 900 + "true", "-" * 900 + "1", "+".join("1" * 400), "true" + " && true" * 110])
def test_what_is_long_without_brackets_is_judged_or_refused_but_never_crashes(text: str) -> None:
    program = compile_expression(text, NAMES)
    with contextlib.suppress(RuleFailed):
        assert holds(program, context_of(VALUES)) in (True, False)


@pytest.mark.parametrize("text", ["scores.total > 1", "Arguments.amount > 1", "arguments.amount > limit"])
def test_an_unknown_variable_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(ValueError, match="known: action_type, arguments, context"):
        compile_expression(text, NAMES)


@pytest.mark.parametrize("text", ["", "true &&", "a b", "1 ==", "'open", "arguments.?to", "`x`", "true; false", "\0"])
def test_what_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the condition cannot be read"):
        compile_expression(text, NAMES)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("arguments.to == ", 16),
        ("arguments.amount ==\n  = 3", 22),
        ("arguments.to.map(t, t) == []", 13),
        ("'(' == arguments.text && arguments.to.filter(t, true) == []", 38),
        ("[1].all(a, true) && [1].all(b, true) && [1].all(c, true)", 44),
        ("true" + " " * MAX_LENGTH, MAX_LENGTH),
        ("(" * (MAX_NESTING + 1), MAX_NESTING),
    ],
)
def test_what_is_refused_is_told_where(text: str, offset: int) -> None:
    with pytest.raises(Unusable) as refusal:
        compile_expression(text, NAMES)

    assert refusal.value.offset == offset


def test_a_backslash_that_means_nothing_is_explained() -> None:
    with pytest.raises(Unusable, match=r"write \\\\ for each, or r'\.\.\.' around the text"):
        compile_expression(r"arguments.text.matches('\d+')", NAMES)


@pytest.mark.parametrize("text", ["1", "arguments.amount", "'true'", "null", "[true]", "arguments.to", "{}", "1.0"])
def test_only_true_is_true(text: str) -> None:
    with pytest.raises(RuleFailed, match="not bool"):
        judged(text)


@pytest.mark.parametrize(
    "text",
    [
        "arguments.nothing == 1",
        "arguments.to[7] == 'a'",
        "arguments.amount / 0 == 1",
        "arguments.amount % 0 == 1",
        "arguments.amount + 9223372036854775807 > 0",
        "arguments.amount > 'x'",
        "arguments.text.matches('(')",
        "int(arguments.text) == 1",
        "timestamp('yesterday') < timestamp('2026-01-01T00:00:00Z')",
        "arguments.text.unheard_of()",
        "arguments.to.exists(t, t > 1)",
        "context.region.startsWith('e')",
    ],
)
def test_a_condition_that_cannot_be_judged_raises_and_is_neither_true_nor_false(text: str) -> None:
    with pytest.raises(RuleFailed):
        judged(text)


def test_a_failure_is_reported_in_bounded_length() -> None:
    with pytest.raises(RuleFailed) as failure:
        judged(f"int('{'9' * 900}') == 1")

    assert len(str(failure.value)) <= 300
