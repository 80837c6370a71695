"""Classification: scores are maxima, a failing rule is high risk, one more rule never makes it less."""

import random
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from adapters.policy_files import read_bundle
from domain.action import Tier
from domain.catalog import Dimension, Risk, Rule, TierCondition
from domain.expression import context_of
from domain.risk import Assessment, PolicyRef, Scale, assess, scores_variable
from tests.bundles import bundle

REF = PolicyRef(version="1", digest="sha256:" + "b" * 64)
TIERS = [
    TierCondition(tier=Tier.HIGH, when="scores.financial >= 5 || scores.total >= 8"),
    TierCondition(tier=Tier.MEDIUM, when="scores.total >= 3"),
    TierCondition(tier=Tier.LOW, when="true"),
]
EXAMPLE = Path(__file__).parents[2] / "examples" / "marketing" / "policy"
SHIPPED = {"small company": bundle().risk.tiers, "marketing example": read_bundle(EXAMPLE).risk.tiers}
ACTION = {"action_type": "x", "arguments": {"amount": 5}, "context": {}, "agent": {}, "use_case": {}}


def rule(name: str, points: int, when: str = "true", dimension: Dimension = Dimension.FINANCIAL) -> Rule:
    return Rule(id=name, dimension=dimension, points=points, when=when, because=f"because of {name}")


def assessed(rules: list[Rule], tiers: list[TierCondition] = TIERS) -> Assessment:
    """Assess the one action of this module."""
    return assess(Scale.compile(Risk(rules=rules, tiers=tiers)), [context_of(ACTION)], REF)


def test_without_a_hit_every_score_is_zero_and_the_tier_low() -> None:
    found = assessed([rule("never", 5, "false")])

    assert found == Assessment(scores=dict.fromkeys(Dimension, 0), hits=[], tier=Tier.LOW, policy=REF)


def test_a_dimension_scores_as_high_as_its_strongest_hit() -> None:
    found = assessed(
        [rule("a", 2), rule("b", 4), rule("c", 3), rule("no", 5, "false"), rule("d", 1, dimension=Dimension.CONTENT)]
    )

    assert found.scores == {**dict.fromkeys(Dimension, 0), Dimension.FINANCIAL: 4, Dimension.CONTENT: 1}
    assert [(hit.rule, hit.points, hit.reason) for hit in found.hits] == [
        ("a", 2, "because of a"),
        ("b", 4, "because of b"),
        ("c", 3, "because of c"),
        ("d", 1, "because of d"),
    ]
    assert found.tier is Tier.MEDIUM


def test_conditions_on_scores_see_each_dimension_and_the_total() -> None:
    scores = {**dict.fromkeys(Dimension, 0), Dimension.FINANCIAL: 4, Dimension.PRIVACY: 2}

    assert scores_variable(scores) == {
        "content": 0,
        "privacy": 2,
        "financial": 4,
        "operational": 0,
        "regulatory": 0,
        "total": 6,
    }


@pytest.mark.parametrize("when", ["arguments.absent == 1", "1", "arguments.amount / 0 == 1", "'true'"])
def test_a_rule_that_fails_gives_high_and_stands_among_the_hits(when: str) -> None:
    found = assessed([rule("fine", 1), rule("broken", 1, when, Dimension.CONTENT)])

    assert found.tier is Tier.HIGH
    assert found.failed_rules == ["broken"]
    assert [hit.rule for hit in found.hits] == ["fine", "broken"]
    assert found.hits[1].points == found.scores[Dimension.CONTENT] == 5
    assert found.hits[1].reason.startswith("the rule could not be judged, so the tier is high: ")


def test_a_tier_that_cannot_be_judged_is_high() -> None:
    tiers = [TierCondition(tier=Tier.MEDIUM, when="scores.total / 0 == 1"), TIERS[-1]]

    assert assessed([], tiers).tier is Tier.HIGH


def test_a_score_that_no_tier_takes_is_high() -> None:
    assert assessed([], [TierCondition(tier=Tier.LOW, when="scores.total > 3")]).tier is Tier.HIGH


RULES = st.builds(
    lambda dimension, points, when: rule("generated", points, when, dimension),
    st.sampled_from(Dimension),
    st.integers(1, 5),
    st.sampled_from(["true", "false", "arguments.amount > 3", "arguments.amount > 7", "arguments.absent > 1"]),
)


@pytest.mark.parametrize("tiers", SHIPPED.values(), ids=SHIPPED.keys())
@settings(max_examples=150, deadline=None)
@given(rules=st.lists(RULES, max_size=6), more=RULES, place=st.integers(0, 6))
def test_one_more_rule_never_lowers_a_score_or_the_tier(
    tiers: list[TierCondition], rules: list[Rule], more: Rule, place: int
) -> None:
    # Tiers are conditions that an author may write in any way; the law is that those we ship keep to it.
    without = assessed(rules, tiers)
    within = assessed([*rules[:place], more, *rules[place:]], tiers)

    assert all(within.scores[dimension] >= without.scores[dimension] for dimension in Dimension)
    assert list(Tier).index(within.tier) >= list(Tier).index(without.tier)
    assert len(within.hits) >= len(without.hits)


@pytest.mark.parametrize("tiers", SHIPPED.values(), ids=SHIPPED.keys())
@settings(max_examples=100, deadline=None)
@given(rules=st.lists(RULES, max_size=6), order=st.randoms(use_true_random=False))
def test_the_order_of_rules_makes_no_difference_to_the_tier(
    tiers: list[TierCondition], rules: list[Rule], order: random.Random
) -> None:
    shuffled = list(rules)
    order.shuffle(shuffled)

    one, other = assessed(rules, tiers), assessed(shuffled, tiers)
    assert (one.scores, one.tier) == (other.scores, other.tier)
