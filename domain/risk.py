"""Classification: rules give points in five dimensions, the scores give the tier.

Points in one dimension do not add up: a dimension scores as high as its strongest hit, so that adding a rule
can only raise a score. A rule that fails gives the tier high and stands among the hits with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cel

from domain.action import Frozen, Tier
from domain.catalog import Dimension, Risk, Rule
from domain.expression import RuleFailed, compile_expression, context_of, holds

FAILED_RULE_POINTS = 5
ON_ACTION = frozenset({"action_type", "arguments", "context", "agent", "use_case"})
ON_SCORES = frozenset({"scores"})


class Hit(Frozen):
    """One rule that matched, or failed, and what it adds."""

    rule: str
    dimension: Dimension
    points: int
    reason: str


class PolicyRef(Frozen):
    """Which policy judged: its version for people, its digest for proof."""

    version: str
    digest: str


class Assessment(Frozen):
    """Scores, the rules behind them, the tier they give, and the rules that could not be judged."""

    scores: dict[Dimension, int]
    hits: list[Hit]
    failed_rules: list[str] = []
    tier: Tier
    policy: PolicyRef


@dataclass(frozen=True)
class Scale:
    """The compiled rules and tiers of a bundle."""

    rules: Sequence[tuple[Rule, cel.Program]]
    tiers: Sequence[tuple[Tier, cel.Program]]

    @classmethod
    def compile(cls, risk: Risk) -> "Scale":
        """Compile every condition. Raises ValueError for one that does not compile."""
        return cls(
            rules=[(rule, compile_expression(rule.when, ON_ACTION)) for rule in risk.rules],
            tiers=[(tier.tier, compile_expression(tier.when, ON_SCORES)) for tier in risk.tiers],
        )


def assess(scale: Scale, environment: cel.Context, policy: PolicyRef) -> Assessment:
    """Score one action. Never raises for what a rule does: a rule that fails makes the tier high."""
    hits: list[Hit] = []
    failed: list[str] = []
    for rule, condition in scale.rules:
        try:
            if holds(condition, environment):
                hits.append(_hit(rule, rule.points, rule.because))
        except RuleFailed as problem:
            failed.append(rule.id)
            reason = f"the rule could not be judged, so the tier is high: {problem}"
            hits.append(_hit(rule, FAILED_RULE_POINTS, reason))
    scores = dict.fromkeys(Dimension, 0)
    for hit in hits:
        scores[hit.dimension] = max(scores[hit.dimension], hit.points)
    tier = Tier.HIGH if failed else _tier(scale, scores)
    return Assessment(scores=scores, hits=hits, failed_rules=failed, tier=tier, policy=policy)


def scores_variable(scores: Mapping[Dimension, int]) -> dict[str, int]:
    """Return the scores as conditions see them: each dimension, and `total`, their sum."""
    return {
        **{dimension.value: points for dimension, points in scores.items()},
        "total": sum(scores.values()),
    }


def _hit(rule: Rule, points: int, reason: str) -> Hit:
    return Hit(rule=rule.id, dimension=rule.dimension, points=points, reason=reason)


def _tier(scale: Scale, scores: Mapping[Dimension, int]) -> Tier:
    environment = context_of({"scores": scores_variable(scores)})
    for tier, condition in scale.tiers:
        try:
            if holds(condition, environment):
                return tier
        except RuleFailed:
            return Tier.HIGH
    return Tier.HIGH
