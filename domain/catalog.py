"""The catalog: agents, use cases, action types, people and groups, and the rules that judge actions.

A bundle is the whole catalog in one value. It is checked when it is loaded (`checked`), so that code which
holds a `Bundle` never meets a dangling reference, a duplicate id or an expression that does not compile.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from domain.action import Frozen, Identifier, Route, Tier
from domain.errors import BundleInvalid
from domain.expression import MAX_LENGTH, compile_expression
from domain.schemas import schema_problems

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"[0-9]{1,9}[smhd]")


def parse_duration(value: object) -> object:
    """Turn `30s`, `15m`, `4h` or `2d` into a timedelta. ISO 8601 (`PT4H`), as stored bundles have it, goes on to
    pydantic; a number without a unit is refused."""
    if isinstance(value, int | float):
        raise ValueError(f"{value} of what? write 30s, 15m, 4h or 2d")
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return timedelta(seconds=int(value[:-1]) * _UNITS[value[-1]])
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(gt=timedelta(0), le=timedelta(days=30))]
Expression = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class Dimension(StrEnum):
    """The five kinds of risk, each scored 0 to 5."""

    CONTENT = "content"
    PRIVACY = "privacy"
    FINANCIAL = "financial"
    OPERATIONAL = "operational"
    REGULATORY = "regulatory"


class Autonomy(StrEnum):
    """How far a use case may go without a person."""

    AUTONOMOUS = "autonomous"  # low and medium run by themselves, high is asked
    REVIEWED_ABOVE_LOW = "reviewed_above_low"  # low runs by itself
    REVIEWED = "reviewed"  # everything is asked
    SUGGEST_ONLY = "suggest_only"  # everything is recorded as a suggestion, nothing runs
    OFF = "off"  # everything is denied


class Agent(Frozen):
    """A registered software agent and the person who answers for it."""

    id: Identifier
    title: Title
    owner: Identifier
    vendor: Title | None = None
    model: Title | None = None
    status: Literal["active", "suspended"] = "active"


class UseCase(Frozen):
    """One entry of the inventory: who owns it, who may act in it, with what and where."""

    id: Identifier
    title: Title
    owner: Identifier
    agents: Annotated[list[Identifier], Field(min_length=1)]
    action_types: Annotated[list[Identifier], Field(min_length=1)]
    regions: list[str] = []
    autonomy: Autonomy = Autonomy.REVIEWED_ABOVE_LOW


class ActionType(Frozen):
    """One thing an agent can ask for: the schema of its arguments and the executor that runs it."""

    id: Identifier
    title: Title
    arguments: dict[str, Any]
    executor: Identifier
    settings: dict[str, Any] = {}
    reversible: bool = False


class Person(Frozen):
    """A human being. One person counts once, however many accounts they have."""

    id: Identifier
    name: Title
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    slack_user: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")] | None = None


class Group(Frozen):
    """People who may approve, and the Slack channel where they are asked."""

    id: Identifier
    members: Annotated[list[Identifier], Field(min_length=1)]
    slack_channel: Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")] | None = None


class Rule(Frozen):
    """One reason for risk: when `when` holds, `dimension` scores at least `points`."""

    id: Identifier
    dimension: Dimension
    points: Annotated[int, Field(ge=1, le=5)]
    when: Expression
    because: Title


class TierCondition(Frozen):
    """`tier` applies when `when`, an expression on `scores`, holds; the first that does wins."""

    tier: Tier
    when: Expression


class RouteRule(Frozen):
    """What happens to actions it matches; the first match wins. `approval` names how people are asked."""

    do: Route
    tiers: list[Tier] = []
    use_cases: list[Identifier] = []
    when: Expression | None = None
    because: Title | None = None
    approval: Identifier | None = None


class ApprovalRule(Frozen):
    """How people are asked: which group, how many of them, and what happens while they are silent."""

    id: Identifier
    group: Identifier
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    exclude_agent_owner: bool = False
    remind_after: Duration | None = None
    escalate_after: Duration | None = None
    escalate_to: Identifier | None = None
    expire_after: Duration


class Risk(Frozen):
    """The rules, and the tiers as conditions on the scores they give."""

    rules: list[Rule]
    tiers: Annotated[list[TierCondition], Field(min_length=1)]


class Bundle(Frozen):
    """The whole catalog and policy of one installation, at one version."""

    id: Identifier
    version: Title
    agents: Annotated[list[Agent], Field(min_length=1)]
    use_cases: Annotated[list[UseCase], Field(min_length=1)]
    action_types: Annotated[list[ActionType], Field(min_length=1)]
    people: Annotated[list[Person], Field(min_length=1)]
    groups: list[Group]
    risk: Risk
    routes: Annotated[list[RouteRule], Field(min_length=1)]
    approvals: list[ApprovalRule]


def checked(bundle: Bundle) -> Bundle:
    """Return `bundle` when it makes sense as a whole.

    Raises BundleInvalid with every problem found: duplicate ids, references to nothing, a quorum its group
    cannot meet, a schema or an expression that does not compile, tiers that leave some scores without a tier.
    """
    problems = [*_duplicates(bundle), *_dangling(bundle), *_unmeetable(bundle), *_uncompilable(bundle)]
    if problems:
        raise BundleInvalid(problems)
    return bundle


def _duplicates(bundle: Bundle) -> Iterable[str]:
    tables: dict[str, Iterable[str]] = {
        "agents": (agent.id for agent in bundle.agents),
        "use_cases": (use_case.id for use_case in bundle.use_cases),
        "action_types": (action_type.id for action_type in bundle.action_types),
        "people": (person.id for person in bundle.people),
        "people.email": (person.email.casefold() for person in bundle.people),
        "people.slack_user": (person.slack_user for person in bundle.people if person.slack_user),
        "groups": (group.id for group in bundle.groups),
        "risk.rules": (rule.id for rule in bundle.risk.rules),
        "approvals": (approval.id for approval in bundle.approvals),
    }
    for table, names in tables.items():
        seen: set[str] = set()
        for name in names:
            if name in seen:
                yield f"{table}: '{name}' stands there twice; give each its own"
            seen.add(name)


def _dangling(bundle: Bundle) -> Iterable[str]:
    people = {person.id for person in bundle.people}
    agents = {agent.id for agent in bundle.agents}
    action_types = {action_type.id for action_type in bundle.action_types}
    use_cases = {use_case.id for use_case in bundle.use_cases}
    groups = {group.id for group in bundle.groups}
    approvals = {approval.id for approval in bundle.approvals}
    references: list[tuple[str, str, Iterable[str], set[str]]] = [
        *((f"agents.{a.id}.owner", "person", [a.owner], people) for a in bundle.agents),
        *((f"use_cases.{u.id}.owner", "person", [u.owner], people) for u in bundle.use_cases),
        *((f"use_cases.{u.id}.agents", "agent", u.agents, agents) for u in bundle.use_cases),
        *((f"use_cases.{u.id}.action_types", "action type", u.action_types, action_types) for u in bundle.use_cases),
        *((f"groups.{g.id}.members", "person", g.members, people) for g in bundle.groups),
        *((f"approvals.{a.id}.group", "group", [a.group], groups) for a in bundle.approvals),
        *(
            (f"approvals.{a.id}.escalate_to", "group", [a.escalate_to], groups)
            for a in bundle.approvals
            if a.escalate_to
        ),
        *((f"routes[{n}].use_cases", "use case", r.use_cases, use_cases) for n, r in enumerate(bundle.routes)),
        *(
            (f"routes[{n}].approval", "approval", [r.approval], approvals)
            for n, r in enumerate(bundle.routes)
            if r.approval
        ),
    ]
    for place, kind, names, known in references:
        for name in names:
            if name not in known:
                yield f"{place}: no {kind} '{name}'; known: {', '.join(sorted(known)) or 'none'}"


def _unmeetable(bundle: Bundle) -> Iterable[str]:
    sizes = {group.id: len(set(group.members)) for group in bundle.groups}
    for approval in bundle.approvals:
        place = f"approvals.{approval.id}"
        if approval.group in sizes and sizes[approval.group] < approval.quorum:
            yield f"{place}.quorum: {approval.quorum} of '{approval.group}', which has {sizes[approval.group]} members"
        if (approval.escalate_after is None) != (approval.escalate_to is None):
            yield f"{place}: escalate_after and escalate_to go together"
        for step in (approval.remind_after, approval.escalate_after):
            if step is not None and step >= approval.expire_after:
                yield f"{place}: remind_after and escalate_after must come before expire_after"
    for number, route in enumerate(bundle.routes):
        if (route.do is Route.ASK) != (route.approval is not None):
            yield f"routes[{number}]: 'do: ask' needs an approval, and nothing else has one"
    last = bundle.routes[-1]
    if last.use_cases or last.when or (last.tiers and Tier.HIGH not in last.tiers):
        yield f"routes[{len(bundle.routes) - 1}]: the last route must take every use case and at least tier high"
    if bundle.risk.tiers[-1].when.strip() != "true":
        yield "risk.tiers: the last tier's condition must be 'true', so that every action has a tier"


def _uncompilable(bundle: Bundle) -> Iterable[str]:
    for action_type in bundle.action_types:
        for problem in schema_problems(action_type.arguments):
            yield f"action_types.{action_type.id}.arguments: {problem}"
    on_action = frozenset({"action_type", "arguments", "context", "agent", "use_case", "scores", "tier"})
    expressions: list[tuple[str, str, frozenset[str]]] = [
        *((f"risk.rules.{r.id}.when", r.when, on_action - {"scores", "tier"}) for r in bundle.risk.rules),
        *((f"risk.tiers[{n}].when", t.when, frozenset({"scores"})) for n, t in enumerate(bundle.risk.tiers)),
        *((f"routes[{n}].when", r.when, on_action) for n, r in enumerate(bundle.routes) if r.when),
    ]
    for place, text, names in expressions:
        try:
            compile_expression(text, names)
        except ValueError as failure:
            yield f"{place}: {failure}"
