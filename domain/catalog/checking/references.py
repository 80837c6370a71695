"""Does every name lead somewhere, and are the built-in names left alone?"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from domain.catalog.bundle import Bundle
from domain.catalog.guardrails import Selector
from domain.catalog.problems import Place, Problem, suggestion

BUILT_IN_ACTION_TYPE = "policy.activate"
BUILT_IN_PREFIX = "remit."


class _Reference(NamedTuple):
    """A name of one of some kinds of thing, and where it stands."""

    place: Place
    name: str | None
    kinds: tuple[str, ...]
    at_name: bool = False


def reference_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield each name that nothing has, and each that Remit keeps for itself."""
    known = _known(bundle)
    for place, name, kinds, at_name in _references(bundle):
        names = frozenset[str]().union(*(known[kind] for kind in kinds))
        if name is not None and name not in names:
            message = f"no {' or '.join(kinds)} '{name}' in the catalog{suggestion(name, names)}"
            yield Problem(place, message, at_name=at_name)
    yield from _reserved(bundle)
    if bundle.policy_changes is None:
        yield Problem(
            ("policy_changes",),
            "nobody is named who approves changes of this policy: write policy_changes: {owner: PERSON, approval: "
            "APPROVAL}, with an id of 'people' and one of 'approvals'",
        )


def _known(bundle: Bundle) -> Mapping[str, frozenset[str]]:
    return {
        "agent": frozenset(agent.id for agent in bundle.agents),
        "use case": frozenset(use_case.id for use_case in bundle.use_cases),
        "action type": frozenset(action_type.id for action_type in bundle.action_types),
        "person": frozenset(person.id for person in bundle.people),
        "group": frozenset(group.id for group in bundle.groups),
        "rotation": frozenset(rotation.id for rotation in bundle.rotations),
        "approval": frozenset(approval.id for approval in bundle.approvals),
        "rule": frozenset(rule.id for rule in bundle.risk.rules),
        "aggregate": frozenset(aggregate.id for aggregate in bundle.guardrails.aggregates),
        "data source": frozenset(source.id for use_case in bundle.use_cases for source in use_case.data_sources),
    }


def _references(bundle: Bundle) -> Iterator[_Reference]:
    for n, agent in enumerate(bundle.agents):
        yield _Reference(("agents", n, "owner"), agent.owner, ("person",))
    yield from _of_use_cases(bundle)
    for n, action_type in enumerate(bundle.action_types):
        for source in action_type.data:
            yield _Reference(("action_types", n, "data", source), source, ("data source",), at_name=True)
    yield from _of_people(bundle)
    for n, rule in enumerate(bundle.risk.rules):
        yield from _all(("risk", "rules", n, "action_types"), rule.action_types, "action type")
        yield from _all(("risk", "rules", n, "use_cases"), rule.use_cases, "use case")
    yield from _of_routes(bundle)
    yield from _of_guardrails(bundle)
    yield from _of_tests(bundle)


def _of_use_cases(bundle: Bundle) -> Iterator[_Reference]:
    for n, use_case in enumerate(bundle.use_cases):
        place: Place = ("use_cases", n)
        yield _Reference((*place, "owner"), use_case.owner, ("person",))
        yield from _all((*place, "agents"), use_case.agents, "agent")
        yield from _all((*place, "action_types"), use_case.action_types, "action type")
        if use_case.raci is not None:
            yield _Reference((*place, "raci", "accountable"), use_case.raci.accountable, ("person",))
            for role in ("responsible", "consulted", "informed"):
                yield from _all((*place, "raci", role), getattr(use_case.raci, role), "person", "group")


def _of_people(bundle: Bundle) -> Iterator[_Reference]:
    for n, group in enumerate(bundle.groups):
        yield from _all(("groups", n, "members"), group.members, "person")
        yield from _all(("groups", n, "not_notified"), group.not_notified, "person")
    for n, rotation in enumerate(bundle.rotations):
        yield from _all(("rotations", n, "members"), rotation.members, "person")
    for n, person in enumerate(bundle.people):
        for i, absence in enumerate(person.absences):
            yield _Reference(("people", n, "absences", i, "delegate"), absence.delegate, ("person",))


def _of_routes(bundle: Bundle) -> Iterator[_Reference]:
    for n, route in enumerate(bundle.routes):
        yield from _all(("routes", n, "use_cases"), route.use_cases, "use case")
        yield _Reference(("routes", n, "approval"), route.approval, ("approval",))
    for n, approval in enumerate(bundle.approvals):
        yield _Reference(("approvals", n, "group"), approval.group, ("group",))
        yield _Reference(("approvals", n, "escalate_to"), approval.escalate_to, ("group",))
        for i, stage in enumerate(approval.stages):
            yield _Reference(("approvals", n, "stages", i, "group"), stage.group, ("group",))
        for i, step in enumerate(approval.escalation):
            for kind in ("group", "person", "rotation"):
                where = ("approvals", n, "escalation", i, f"ask_{kind}")
                yield _Reference(where, getattr(step, f"ask_{kind}"), (kind,))
    yield _Reference(("hold_group",), bundle.hold_group, ("group",))
    if bundle.policy_changes is not None:
        yield _Reference(("policy_changes", "owner"), bundle.policy_changes.owner, ("person",))
        yield _Reference(("policy_changes", "approval"), bundle.policy_changes.approval, ("approval",))


def _of_guardrails(bundle: Bundle) -> Iterator[_Reference]:
    guardrails = bundle.guardrails
    for table in ("rate_limits", "budgets", "aggregates", "checks"):
        for n, entry in enumerate(getattr(guardrails, table)):
            yield from _selected(("guardrails", table, n, "actions"), entry.actions)
    for n, permission in enumerate(guardrails.permissions):
        place: Place = ("guardrails", "permissions", n)
        yield from _all((*place, "agents"), permission.agents, "agent")
        yield from _all((*place, "use_cases"), permission.use_cases, "use case")
        yield from _all((*place, "action_types"), permission.action_types, "action type")
        for source in permission.data:
            yield _Reference((*place, "data", source), source, ("data source",), at_name=True)


def _of_tests(bundle: Bundle) -> Iterator[_Reference]:
    for n, example in enumerate(bundle.tests):
        place: Place = ("tests", n)
        yield _Reference((*place, "agent"), example.agent, ("agent",))
        yield _Reference((*place, "use_case"), example.use_case, ("use case",))
        yield _Reference((*place, "action_type"), example.action_type, ("action type",))
        yield _Reference((*place, "expect", "approval"), example.expect.approval, ("approval",))
        yield from _all((*place, "expect", "hits"), example.expect.hits or [], "rule")
        for aggregate in example.history:
            yield _Reference((*place, "history", aggregate), aggregate, ("aggregate",), at_name=True)


def _selected(place: Place, selector: Selector) -> Iterator[_Reference]:
    yield from _all((*place, "agents"), selector.agents, "agent")
    yield from _all((*place, "use_cases"), selector.use_cases, "use case")
    yield from _all((*place, "action_types"), selector.action_types, "action type")


def _all(place: Place, names: Iterable[str], *kinds: str) -> Iterator[_Reference]:
    for number, name in enumerate(names):
        yield _Reference((*place, number), name, kinds)


def _reserved(bundle: Bundle) -> Iterator[Problem]:
    named: list[tuple[Place, str]] = [
        *((("agents", n, "id"), agent.id) for n, agent in enumerate(bundle.agents)),
        *((("use_cases", n, "id"), use_case.id) for n, use_case in enumerate(bundle.use_cases)),
        *((("action_types", n, "id"), action_type.id) for n, action_type in enumerate(bundle.action_types)),
    ]
    for place, name in named:
        if name.startswith(BUILT_IN_PREFIX):
            yield Problem(place, f"'{name}' begins with '{BUILT_IN_PREFIX}', which Remit keeps for itself; rename it")
        elif name == BUILT_IN_ACTION_TYPE and place[0] == "action_types":
            yield Problem(place, f"'{name}' is built in: it is how the policy itself is changed; rename it")
