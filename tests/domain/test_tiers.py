"""Tiers over all scores: whatever a bundle says, one more matching rule never lowers a tier."""

import re
from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from domain.action import Tier
from domain.catalog import Dimension, Risk, Rule, TierCondition
from domain.catalog.checking.tiers import MOST, Scores, tier_problems, tier_table
from domain.expression import context_of
from domain.risk import Assessment, PolicyRef, Scale, assess

REF = PolicyRef(version="1", digest="sha256:" + "b" * 64)
DIMENSIONS = list(Dimension)
RANK = {tier: rank for rank, tier in enumerate(Tier)}
NAMES = st.sampled_from([*(f"scores.{dimension.value}" for dimension in Dimension), "scores.total"])
COMPARED = st.builds("{} {} {}".format, NAMES, st.sampled_from([">=", ">", "==", "<", "!="]), st.integers(0, 8))


def combined(comparisons: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return conditions of up to four comparisons."""
    joined = st.sampled_from([" && ", " || "])
    return st.builds(lambda glue, parts: glue.join(parts), joined, st.lists(comparisons, min_size=1, max_size=4))


def risk(high: str, medium: str, rules: list[Rule] | None = None) -> Risk:
    conditions = [(Tier.HIGH, high), (Tier.MEDIUM, medium), (Tier.LOW, "true")]
    return Risk(rules=rules or [], tiers=[TierCondition(tier=tier, when=when) for tier, when in conditions])


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """Draw rules that match or do not."""
    return [
        Rule(
            id=f"r{number}",
            dimension=draw(st.sampled_from(DIMENSIONS)),
            points=draw(st.integers(1, MOST)),
            when=draw(st.sampled_from(["true", "false", "amount > 3", "amount > 7"])),
            because="so",
        )
        for number in range(draw(st.integers(0, 6)))
    ]


def assessed(of: Risk) -> Assessment:
    return assess(Scale.compile(of), [context_of({"amount": 5})], REF)


def rising(least: int, most: int) -> st.SearchStrategy[str]:
    """Return conditions as people write them: any of some scores is at least so high."""
    one = st.builds("{} >= {}".format, NAMES, st.integers(least, most))
    return st.lists(one, min_size=1, max_size=3).map(" || ".join)


CONDITIONS = st.one_of(
    st.tuples(rising(3, 5), rising(1, 2)),
    st.tuples(rising(3, 5), rising(1, 2)),
    st.tuples(combined(COMPARED), combined(COMPARED)),
)


@given(CONDITIONS, rules(), st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
def test_one_more_matching_rule_never_lowers_the_tier_of_a_sound_bundle(
    conditions: tuple[str, str], some: list[Rule], data: st.DataObject
) -> None:
    high, medium = conditions
    assume(not list(tier_problems(risk(high, medium))))
    more = Rule(
        id="more",
        dimension=data.draw(st.sampled_from(DIMENSIONS)),
        points=data.draw(st.integers(1, MOST)),
        when="true",
        because="so",
    )
    place = data.draw(st.integers(0, len(some)))

    without = assessed(risk(high, medium, some))
    with_it = assessed(risk(high, medium, [*some[:place], more, *some[place:]]))

    assert RANK[with_it.tier] >= RANK[without.tier]
    assert {hit.rule for hit in with_it.hits} == {hit.rule for hit in without.hits} | {"more"}


def shown(text: str) -> Scores:
    """Return the scores that a message names."""
    points = {name: int(number) for name, number in re.findall(r"([a-z]+) ([0-9])", text)}
    return tuple(points.get(dimension.value, 0) for dimension in DIMENSIONS)


def example_in(message: str) -> tuple[Scores, Scores]:
    """Return the two scores that a message about falling tiers names: with less risk, and with more."""
    told = message.removeprefix("more risk gives a lower tier: ").partition(";")[0]
    less, more = told.split(", and ")
    return shown(less), shown(more)


def falling_in(table: Mapping[Scores, Tier]) -> set[tuple[Scores, Scores]]:
    """Return every pair of scores of a table where one point more gives a lower tier."""
    pairs = (
        (less, (*less[:place], less[place] + 1, *less[place + 1 :]))
        for less in table
        for place in range(len(DIMENSIONS))
        if less[place] < MOST
    )
    return {(less, more) for less, more in pairs if RANK[table[more]] < RANK[table[less]]}


@given(st.tuples(combined(COMPARED) | rising(3, 5), combined(COMPARED) | rising(1, 2)))
@example(("scores.content == 3", "scores.total >= 2"))
@example(("scores.content >= 3", "scores.total >= 2"))
@settings(deadline=None, max_examples=30)
def test_more_risk_for_a_lower_tier_is_said_exactly_where_it_is_so(conditions: tuple[str, str]) -> None:
    of = risk(*conditions)
    table = tier_table(of)
    assert table is not None
    messages = [problem.message for problem in tier_problems(of)]

    said = {example_in(message) for message in messages if message.startswith("more risk gives a lower tier")}
    others = len(messages) - len(said)

    falling = falling_in(table)
    assert said <= falling
    assert bool(said) == (bool(falling) and not others), "tiers that fail or that nothing reaches are said first"


@pytest.mark.parametrize("content", ["scores.content == 3", "scores.content >= 3 && scores.content < 5"])
def test_the_example_is_the_smallest_pair(content: str) -> None:
    of = risk(content, "scores.total >= 2")
    table = tier_table(of)
    assert table is not None

    (problem,) = tier_problems(of)

    assert example_in(problem.message) == min(falling_in(table), key=lambda pair: (sum(pair[0]), pair[0]))


@given(combined(COMPARED), combined(COMPARED), st.tuples(*[st.integers(0, MOST)] * len(DIMENSIONS)))
@settings(deadline=None, max_examples=50)
def test_the_table_of_tiers_is_what_actions_get(high: str, medium: str, scores: Scores) -> None:
    of = risk(high, medium)
    table = tier_table(of)
    assert table is not None

    assert table[scores] is Scale.compile(of).tier_of(dict(zip(DIMENSIONS, scores, strict=True)))


def test_scores_at_which_a_condition_fails_are_high_in_the_table() -> None:
    table = tier_table(risk("10 / scores.financial <= 2", "scores.total >= 3"))
    assert table is not None

    assert table[(0, 0, 0, 0, 0)] is Tier.HIGH


@pytest.mark.parametrize("high", ["scores.", "arguments.a > 1"])
def test_conditions_that_do_not_compile_have_no_table_and_are_said_elsewhere(high: str) -> None:
    assert tier_table(risk(high, "true")) is None
    assert list(tier_problems(risk(high, "scores.total > 3"))) == []
