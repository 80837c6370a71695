"""Is every rule that can raise to high shown by an example, at a moment that is the same everywhere?

A rule can raise to high when there is an action that it can be about, and points of other rules about such actions, at
which its own points make the tier high and without them it is not.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product

from domain.action import Tier
from domain.catalog.bundle import Bundle
from domain.catalog.checking.conditions import can_be_about
from domain.catalog.checking.people import YEARS
from domain.catalog.checking.tiers import Scores, tier_table
from domain.catalog.problems import Problem
from domain.catalog.risk import Dimension, Rule
from domain.conditions.variables import Variables

_DIMENSIONS = list(Dimension)
_Subject = tuple[str, str]
"""A use case and an action type."""


def required_test_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield each rule that can raise to high and is among the hits of no example, and moments that cannot be."""
    shown = {hit for example in bundle.tests for hit in example.expect.hits or []}
    raising = raised_to_high(bundle)
    for number, rule in enumerate(bundle.risk.rules):
        if rule.id in raising and rule.id not in shown:
            message = (
                f"the rule '{rule.id}' can raise an action to high, and no test shows it: add under tests:\n"
                f"{_skeleton(bundle, rule, raising[rule.id])}"
            )
            yield Problem(("risk", "rules", number, "id"), message)
    for number, example in enumerate(bundle.tests):
        if example.at is not None and (problem := year_problem(example.at)):
            yield Problem(("tests", number, "at"), problem)
        elif example.at is not None and example.at.tzinfo is None:
            message = "the moment has no time zone: write Z at its end for UTC, or the difference to it, such as +01:00"
            yield Problem(("tests", number, "at"), message)


def year_problem(at: datetime) -> str:
    """Say why an action cannot be tried in a year; nothing where it can.

    At the very ends of the calendar a moment has a date in one time zone and none in another.
    """
    return "" if at.year in YEARS else f"the year {at.year} cannot be right; write a moment like 2026-01-31T09:00:00Z"


def raised_to_high(bundle: Bundle) -> dict[str, _Subject]:
    """Return the rules whose points can make the difference between high and a lower tier, each with what for."""
    table = tier_table(bundle.risk)
    if table is None:
        return {}
    variables = Variables(bundle)
    about = {rule.id: can_be_about(rule, variables) for rule in bundle.risk.rules}
    possible: dict[_Subject, dict[Dimension, set[int]]] = {}
    for rule in bundle.risk.rules:
        for subject in about[rule.id]:
            possible.setdefault(subject, {d: {0} for d in _DIMENSIONS})[rule.dimension].add(rule.points)
    known: dict[tuple[_Subject, Dimension, int], bool] = {}
    found: dict[str, _Subject] = {}
    for rule in bundle.risk.rules:
        for subject in sorted(about[rule.id]):
            key = (subject, rule.dimension, rule.points)
            if key not in known:
                known[key] = _decides(rule, possible[subject], table)
            if known[key]:
                found[rule.id] = subject
                break
    return found


def _decides(rule: Rule, possible: Mapping[Dimension, set[int]], table: Mapping[Scores, Tier]) -> bool:
    place = _DIMENSIONS.index(rule.dimension)
    without = product(*([0] if d is rule.dimension else sorted(possible[d]) for d in _DIMENSIONS))
    return any(
        table[scores] is not Tier.HIGH and table[(*scores[:place], rule.points, *scores[place + 1 :])] is Tier.HIGH
        for scores in without
    )


def _skeleton(bundle: Bundle, rule: Rule, subject: _Subject) -> str:
    use_case = next(use_case for use_case in bundle.use_cases if use_case.id == subject[0])
    return (
        f"  - id: {rule.id}-is-found\n"
        f"    agent: {use_case.agents[0]}\n"
        f"    use_case: {use_case.id}\n"
        f"    action_type: {subject[1]}\n"
        f"    arguments: {{...}}  # such that the rule holds\n"
        f"    expect: {{tier: high, route: ask, hits: [{rule.id}]}}"
    )
