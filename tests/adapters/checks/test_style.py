"""`style`: the house style of the use case, held against the texts of an action."""

from typing import Any

import pytest

from adapters.checks.readability import LEAST_WORDS, reading_grade
from adapters.checks.style import problems_in_style
from domain.catalog.use_cases import Style
from domain.signals import Finding
from tests.adapters.checks.contents import ORDINARY_MAIL, kinds, look

HARD = """Notwithstanding the aforementioned considerations regarding the administration of international
organizational responsibilities, the implementation of comprehensive environmental regulations necessitates
extraordinarily sophisticated collaboration between governmental institutions, multinational corporations and
representative organizations throughout the jurisdiction."""
EASY = "The cat sat on the mat. The dog ran to the cat. They went home. It was late, and the sun was low. " * 3
TEMPLATE = "Dear {{name}},\n\nyour order {{order}} is on its way.\n\nKind regards\nNorthwind"
CASES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("said", {"required_phrases": ["Kind regards"]}, "Bye.\nKIND\nregards", []),
    ("not said", {"required_phrases": ["Kind regards"]}, "Bye. Regards", ["required_phrase"]),
    ("banned", {"banned_phrases": ["risk free"]}, "It is Risk\n free!", ["banned_phrase"]),
    ("banned, in wide letters", {"banned_phrases": ["risk free"]}, "ｒｉｓｋ ｆｒｅｅ", ["banned_phrase"]),
    ("banned, broken up", {"banned_phrases": ["risk free"]}, "ri\u200bsk free", ["banned_phrase"]),
    ("part of a word", {"banned_phrases": ["free"]}, "freedom and carefree", []),
    ("later as a word", {"banned_phrases": ["free"]}, "freedom is not free", ["banned_phrase"]),
    ("by the template", {"templates": ["Hello {{name}}!", TEMPLATE]}, TEMPLATE.replace("{{", "").replace("}}", ""), []),
    (
        "other spaces",
        {"templates": [TEMPLATE]},
        "Dear  Ann,\r\n\r\nyour order 5 is on its way.\n\nKind regards \nNorthwind\n",
        [],
    ),
    ("more than the template", {"templates": ["Hello {{name}}!"]}, "Hello Ann! Buy now", ["template"]),
    ("two lines in a slot", {"templates": ["Hello {{name}}!"]}, "Hello Ann\nand Bob!", ["template"]),
    ("nothing in a slot", {"templates": ["Hello {{name}}!"]}, "Hello !", ["template"]),
    ("too much in a slot", {"templates": ["Hello {{name}}!"]}, f"Hello {'a' * 201}!", ["template"]),
    ("signs of patterns are plain", {"templates": ["(a|b)* {{x}}."]}, "(a|b)* 1.", []),
    ("signs of patterns do not match", {"templates": ["a.c {{x}}"]}, "abc 1", ["template"]),
    ("hard to read", {"max_reading_grade": 12}, HARD, ["reading_grade"]),
    ("easy to read", {"max_reading_grade": 4}, EASY, []),
    ("too short for a grade", {"max_reading_grade": 1}, "Internationalization notwithstanding.", []),
    ("slot left open", {}, "Dear {{first_name}},", ["placeholder"]),
    ("variable left open", {}, "Dear ${name},", ["placeholder"]),
    ("bracket left open", {}, "Dear [Your Name], [insert date here], <customer name>", ["placeholder"]),
    ("to do", {}, "[TODO: price]", ["placeholder"]),
    ("filler", {}, "Lorem ipsum dolor", ["placeholder"]),
    ("ordinary", {"required_phrases": ["Kind regards"], "max_reading_grade": 12}, ORDINARY_MAIL, []),
    ("brackets that belong", {}, "[EXTERNAL] Re: [1] <b>bold</b> {a: 1} $5 100% <address>", []),
]


@pytest.mark.parametrize(("style", "text", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_a_text_keeps_the_style_or_says_how_it_breaks_it(
    style: dict[str, Any], text: str, expected: list[str]
) -> None:
    assert await kinds("style", text, style=style) == expected


async def test_a_required_phrase_may_stand_in_any_text_and_a_banned_one_in_none() -> None:
    style = {"required_phrases": ["Northwind"], "banned_phrases": ["guaranteed"]}
    signal = await look("style", "", arguments={"subject": "Northwind", "body": "guaranteed"}, style=style)
    assert (signal.kinds, signal.fields) == (["banned_phrase"], ["arguments.body"])
    signal = await look("style", "", arguments={}, style=style)
    assert (signal.kinds, signal.fields) == (["required_phrase"], ["arguments.subject"])


async def test_only_the_texts_of_the_action_type_are_held_against_the_style() -> None:
    style = {"banned_phrases": ["guaranteed"], "templates": ["Hi"]}
    signal = await look("style", "", arguments={"body": "Hi", "note": "guaranteed"}, style=style)
    assert signal.finding is Finding.CLEAR


async def test_an_action_type_without_texts_gives_no_answer() -> None:
    signal = await look("style", "Hi", roles={})
    assert signal.finding is Finding.UNKNOWN
    assert signal.because == "the action type 'mail.send' names no texts; list them in its roles.texts"


@pytest.mark.parametrize(
    ("style", "problem"),
    [
        ({"templates": ["fine {{a}}", "Dear {{name"]}, (("templates", 1), "write a slot as {{name}}")),
        ({"templates": ["Dear {{}}"]}, (("templates", 0), "write a slot as {{name}}")),
        ({"required_phrases": [" "]}, (("required_phrases", 0), "is blank")),
        ({"banned_phrases": ["a", "\u200b"]}, (("banned_phrases", 1), "is blank")),
    ],
)
def test_a_style_that_cannot_be_kept_is_a_problem_of_the_bundle(style: dict[str, Any], problem: Any) -> None:
    ((place, message),) = problems_in_style(Style.model_validate(style))
    assert place == problem[0]
    assert problem[1] in message


def test_the_reading_grade_is_that_of_the_formula() -> None:
    words = ["cat", "table", "banana"] * 10  # 1, 2 and 3 syllables
    text = " ".join(words[:15]) + ". " + " ".join(words[15:]) + "."
    assert reading_grade(text) == pytest.approx(0.39 * 30 / 2 + 11.8 * 60 / 30 - 15.59)
    assert reading_grade(" ".join(words[: LEAST_WORDS - 1])) == 0.0
