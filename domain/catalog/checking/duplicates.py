"""Does everything have a name of its own?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Place, Problem

Named = tuple[Place, str | None]


def duplicate_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield each name that stands a second time where names must differ."""
    for what, named in _identifiers(bundle):
        yield from _twice(named, f"the {what} '{{name}}' stands here a second time; give each its own")
    yield from _limits_of_one_name(bundle)
    for named in _lists_of_names(bundle):
        yield from _twice(named, "'{name}' stands in this list already; once is enough")


def _twice(named: Iterable[Named], message: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, name in named:
        if name is not None and name in seen:
            yield Problem(place, message.format(name=name))
        if name is not None:
            seen.add(name)


def _limits_of_one_name(bundle: Bundle) -> Iterator[Problem]:
    """Yield each budget with the id of a rate limit: what is counted and reported goes by the id alone."""
    rate_limits = {limit.id for limit in bundle.guardrails.rate_limits}
    for number, budget in enumerate(bundle.guardrails.budgets):
        if budget.id in rate_limits:
            message = f"a rate limit is called '{budget.id}' already; give the budget an id of its own"
            yield Problem(("guardrails", "budgets", number, "id"), message)


def _identifiers(bundle: Bundle) -> Iterator[tuple[str, list[Named]]]:
    guardrails = bundle.guardrails
    tables: list[tuple[str, Place, Sequence[Any]]] = [
        ("agent", ("agents",), bundle.agents),
        ("use case", ("use_cases",), bundle.use_cases),
        ("action type", ("action_types",), bundle.action_types),
        ("person", ("people",), bundle.people),
        ("group", ("groups",), bundle.groups),
        ("rotation", ("rotations",), bundle.rotations),
        ("rule", ("risk", "rules"), bundle.risk.rules),
        ("approval", ("approvals",), bundle.approvals),
        ("rate limit", ("guardrails", "rate_limits"), guardrails.rate_limits),
        ("budget", ("guardrails", "budgets"), guardrails.budgets),
        ("aggregate", ("guardrails", "aggregates"), guardrails.aggregates),
        ("permission", ("guardrails", "permissions"), guardrails.permissions),
        ("test", ("tests",), bundle.tests),
    ]
    for what, where, entries in tables:
        yield what, [((*where, number, "id"), entry.id) for number, entry in enumerate(entries)]
    for number, rule in enumerate(bundle.approvals):
        place = ("approvals", number, "rejection_reasons")
        yield "reason", [((*place, n, "id"), reason.id) for n, reason in enumerate(rule.rejection_reasons)]
    people = list(enumerate(bundle.people))
    yield "e-mail address", [(("people", n, "email"), person.email.casefold()) for n, person in people]
    yield "Slack user", [(("people", n, "slack_user"), person.slack_user) for n, person in people]
    for number, use_case in enumerate(bundle.use_cases):
        place = ("use_cases", number, "data_sources")
        yield "data source", [((*place, n, "id"), source.id) for n, source in enumerate(use_case.data_sources)]


def _lists_of_names(bundle: Bundle) -> Iterator[list[Named]]:
    for number, use_case in enumerate(bundle.use_cases):
        for field in ("agents", "action_types", "regions"):
            yield _each(("use_cases", number, field), getattr(use_case, field))
    for number, group in enumerate(bundle.groups):
        yield _each(("groups", number, "members"), group.members)
        yield _each(("groups", number, "not_notified"), group.not_notified)
    for field in ("quiet_hours_except", "digest_tiers"):
        yield _each(("attention", field), getattr(bundle.attention, field))
    for number, approval in enumerate(bundle.approvals):
        yield _each(("approvals", number, "step_up"), approval.step_up)
    for number, route in enumerate(bundle.routes):
        yield _each(("routes", number, "use_cases"), route.use_cases)
        yield _each(("routes", number, "tiers"), route.tiers)
    for number, rule in enumerate(bundle.risk.rules):
        yield _each(("risk", "rules", number, "action_types"), rule.action_types)
        yield _each(("risk", "rules", number, "use_cases"), rule.use_cases)
    for number, example in enumerate(bundle.tests):
        yield _each(("tests", number, "expect", "hits"), example.expect.hits or [])


def _each(place: Place, names: Iterable[str]) -> list[Named]:
    return [((*place, number), name) for number, name in enumerate(names)]
