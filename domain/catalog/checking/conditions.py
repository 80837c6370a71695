"""Does every condition make sense?"""

import contextlib
from collections.abc import Iterator

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Place, Problem
from domain.catalog.risk import Rule
from domain.catalog.variables import ON_ACTION, ON_ROUTE, ON_SCORES, ON_STAGE
from domain.conditions.checking import problems_in_condition
from domain.conditions.narrowing import Known, narrowed
from domain.conditions.parsing import parse
from domain.conditions.variables import Variables
from domain.expression import Unusable


def condition_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with the conditions of rules, tiers, routes and stages, by what each is about."""
    variables = Variables(bundle)
    everything = (variables.action_types, variables.use_cases)
    asked: list[tuple[Place, str, frozenset[str], tuple[frozenset[str], frozenset[str]]]] = []
    for n, rule in enumerate(bundle.risk.rules):
        scope = _scope(rule, variables)
        about = (scope.action_types, scope.use_cases)
        asked.append((("risk", "rules", n, "when"), rule.when, ON_ACTION, about))
    for n, tier in enumerate(bundle.risk.tiers):
        asked.append((("risk", "tiers", n, "when"), tier.when, ON_SCORES, everything))
    for n, route in enumerate(bundle.routes):
        if route.when is not None:
            named = frozenset(route.use_cases) & variables.use_cases or variables.use_cases
            asked.append((("routes", n, "when"), route.when, ON_ROUTE, (variables.action_types, named)))
    for n, approval in enumerate(bundle.approvals):
        for i, stage in enumerate(approval.stages):
            if stage.when is not None:
                asked.append((("approvals", n, "stages", i, "when"), stage.when, ON_STAGE, everything))
    for place, text, names, (action_types, use_cases) in asked:
        for offset, message in problems_in_condition(text, names, variables, action_types, use_cases):
            yield Problem(place, message, offset)


def can_be_about(rule: Rule, variables: Variables) -> frozenset[tuple[str, str]]:
    """Return the use cases and action types for which a rule can hold, as far as its condition says so plainly."""
    scope = _scope(rule, variables)
    with contextlib.suppress(Unusable):
        scope = narrowed(parse(rule.when), scope, True)
    return frozenset(
        (use_case, action_type)
        for use_case in scope.use_cases
        for action_type in scope.action_types & variables.asked_in(frozenset({use_case}))
    )


def _scope(rule: Rule, variables: Variables) -> Known:
    return Known(
        action_types=frozenset(rule.action_types) & variables.action_types or variables.action_types,
        use_cases=frozenset(rule.use_cases) & variables.use_cases or variables.use_cases,
    )
