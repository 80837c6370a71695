"""Classification: rules give points in five dimensions, the scores give the tier.

Points in one dimension do not add up: a dimension scores as high as its strongest hit, so that adding a rule
can only raise a score. A rule that fails gives the tier high and stands among the hits with its reason. What is not
a rule (a check without an answer, a lapsed control, an exceeded limit, the agent's own doubt) can only raise the tier.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cel

from domain.action import Frozen, Tier
from domain.catalog import Dimension, Risk, Rule
from domain.catalog.variables import ON_ACTION, ON_SCORES
from domain.expression import RuleFailed, compile_expression, context_of, holds

FAILED_RULE_POINTS = 5
_TIERS = list(Tier)


class Hit(Frozen):
    """One rule that matched, or failed, and what it adds."""

    rule: str
    dimension: Dimension
    points: int
    reason: str


class Raise(Frozen):
    """Something other than a rule that raises the tier: what, to which tier at least, and why."""

    by: str
    tier: Tier
    reason: str


class PolicyRef(Frozen):
    """Which policy judged: its version for people, its digest for proof."""

    version: str
    digest: str


class Assessment(Frozen):
    """Scores, the rules behind them, the tier they give, what raised it, and the rules that could not be judged."""

    scores: dict[Dimension, int]
    hits: list[Hit]
    failed_rules: list[str] = []
    raised: list[Raise] = []
    tier: Tier
    policy: PolicyRef


@dataclass(frozen=True)
class Scale:
    """The compiled rules and tiers of a bundle."""

    rules: Sequence[tuple[Rule, cel.Program]]
    tiers: Sequence[tuple[Tier, cel.Program]]
    _known: dict[tuple[int, ...], Tier] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def compile(cls, risk: Risk) -> "Scale":
        """Compile every condition. Raises ValueError for one that does not compile."""
        return cls(
            rules=[(rule, compile_expression(rule.when, ON_ACTION)) for rule in risk.rules],
            tiers=[(tier.tier, compile_expression(tier.when, ON_SCORES)) for tier in risk.tiers],
        )

    def about(self, action_type: str, use_case: str) -> "Scale":
        """Return the scale with only the rules that are asked about such actions."""
        asked = [
            (rule, condition)
            for rule, condition in self.rules
            if (not rule.action_types or action_type in rule.action_types)
            and (not rule.use_cases or use_case in rule.use_cases)
        ]
        return Scale(rules=asked, tiers=self.tiers, _known=self._known)

    def tier_of(self, scores: Mapping[Dimension, int]) -> Tier:
        """Return the tier of these scores: the first whose condition holds; high where a condition fails."""
        key = tuple(scores[dimension] for dimension in Dimension)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = _tier(self.tiers, scores)
        return known


def assess(
    scale: Scale, environments: Iterable[cel.Context], policy: PolicyRef, raised: Sequence[Raise] = ()
) -> Assessment:
    """Score one action. Never raises for what a rule does: a rule that fails makes the tier high.

    A rule counts when it holds in any of the environments: with and without what the agent claims.
    """
    hits: dict[int, Hit] = {}
    failed: dict[str, None] = {}
    for environment in environments:
        for number, (rule, condition) in enumerate(scale.rules):
            try:
                if holds(condition, environment):
                    hits.setdefault(number, _hit(rule, rule.points, rule.because))
            except RuleFailed as problem:
                failed[rule.id] = None
                reason = f"the rule could not be judged, so the tier is high: {problem}"
                hits[number] = _hit(rule, FAILED_RULE_POINTS, reason)
    scores = dict.fromkeys(Dimension, 0)
    for hit in hits.values():
        scores[hit.dimension] = max(scores[hit.dimension], hit.points)
    tier = Tier.HIGH if failed else scale.tier_of(scores)
    return Assessment(
        scores=scores,
        hits=list(hits.values()),
        failed_rules=list(failed),
        raised=list(raised),
        tier=highest([tier, *(reason.tier for reason in raised)]),
        policy=policy,
    )


def highest(tiers: Iterable[Tier]) -> Tier:
    """Return the riskiest of some tiers."""
    return max(tiers, key=_TIERS.index)


def scores_variable(scores: Mapping[Dimension, int]) -> dict[str, int]:
    """Return the scores as conditions see them: each dimension, and `total`, their sum."""
    return {
        **{dimension.value: points for dimension, points in scores.items()},
        "total": sum(scores.values()),
    }


def _hit(rule: Rule, points: int, reason: str) -> Hit:
    return Hit(rule=rule.id, dimension=rule.dimension, points=points, reason=reason)


def _tier(tiers: Sequence[tuple[Tier, cel.Program]], scores: Mapping[Dimension, int]) -> Tier:
    environment = context_of({"scores": scores_variable(scores)})
    for tier, condition in tiers:
        try:
            if holds(condition, environment):
                return tier
        except RuleFailed:
            return Tier.HIGH
    return Tier.HIGH
