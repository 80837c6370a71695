"""Replay: what another policy would have made of recorded actions, judged by the facts that were recorded with them.

Both policies judge each action anew, so that what is counted comes from the change and from nothing else. A check that
a policy uses and the record does not have counts as unknown, and an aggregate that is missing makes the rules that ask
for it fail: both raise the tier.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from domain import policy_change
from domain.action import Frozen, Route, Submission, Tier
from domain.catalog import Budget, OnExceed, RateLimit
from domain.errors import RequestError
from domain.examples import refused
from domain.facts import Facts
from domain.policy import Judgement, Policy
from domain.record import ActionRecord

MAX_IDS = 50
MAX_AUTOMATIC = 1000
_IDS_IN_LINE = 10
_NO_FACTS = "the facts they were judged by are not recorded"
_UNREADABLE = "their arguments cannot be read any more"
_LIMIT_CHANGED = "they went over a limit that changes"


class Automatic(Frozen):
    """An action that people were asked about, or that did not run, and that would now run by itself."""

    id: str
    agent: str
    action_type: str
    use_case: str
    route: Route
    before: Tier
    after: Tier


class ReplayReport(Frozen):
    """What would change for recorded actions. `tiers` and `routes` have the ids of the actions by before and after."""

    span: str
    recorded: int
    uncovered: dict[str, int] = {}
    unknown_checks: dict[str, int] = {}
    missing_history: dict[str, int] = {}
    redefined: list[str] = []
    tiers: dict[tuple[Tier, Tier], list[str]] = {}
    routes: dict[tuple[Route, Route], list[str]] = {}
    automatic: list[Automatic] = []

    @property
    def covered(self) -> int:
        """How many recorded actions could be replayed."""
        return self.recorded - sum(self.uncovered.values())

    def lines(self) -> list[str]:
        """Return the report for people: what it covers first, then what changes. Never anything of the arguments."""
        return [*self._coverage(), *_changed("tier", self.tiers), *_changed("route", self.routes), *self._automatic()]

    def _coverage(self) -> Iterator[str]:
        said = f"{self.covered:,} of {self.recorded:,} recorded actions of {self.span} could be replayed"
        missed = "; ".join(f"{number:,} not: {reason}" for reason, number in self.uncovered.items())
        yield f"{said}; {missed}" if missed else said
        for check, number in self.unknown_checks.items():
            yield f"the check '{check}' has no recorded answer for {number:,} of them and counts as unknown there"
        for aggregate, number in self.missing_history.items():
            yield f"the aggregate '{aggregate}' is not recorded for {number:,} of them; rules that need it fail there"
        for name in self.redefined:
            yield f"{name} is defined otherwise; what was recorded by the present definition counts"

    def _automatic(self) -> Iterator[str]:
        if not self.automatic:
            yield "no action would newly run by itself"
            return
        yield f"{len(self.automatic):,} actions would newly run by themselves:"
        for each in self.automatic[:MAX_AUTOMATIC]:
            yield (
                f"  {each.id}: agent {each.agent}, {each.action_type} in {each.use_case}, "
                f"{each.route.value} -> execute, tier {each.before.value} -> {each.after.value}"
            )
        if (left := len(self.automatic) - MAX_AUTOMATIC) > 0:
            yield f"  and {left:,} more"


class Replay:
    """Takes recorded actions one at a time and adds up what would change for them."""

    def __init__(self, current: Policy, candidate: Policy, span: str) -> None:
        self._current = current
        self._candidate = candidate
        self._span = span
        self._recorded = 0
        self._uncovered: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._tiers: dict[tuple[Tier, Tier], list[str]] = {}
        self._routes: dict[tuple[Route, Route], list[str]] = {}
        self._automatic: list[Automatic] = []
        was, is_now = _limits(current), _limits(candidate)
        self._changed_limits = {name for name in was if name in is_now and was[name] != is_now[name]}

    def add(self, record: ActionRecord) -> None:
        """Judge a recorded action by both policies."""
        self._recorded += 1
        facts = record.judgement.facts if record.judgement else None
        if facts is None:
            self._uncovered[_NO_FACTS] += 1
            return
        if self._changed_limits & {*facts.exceeded}:
            self._uncovered[_LIMIT_CHANGED] += 1
            return
        try:
            arguments = json.loads(record.action.arguments_bytes)
        except ValueError:
            self._uncovered[_UNREADABLE] += 1
            return
        action = record.action
        submission = Submission(
            use_case=action.use_case, action_type=action.action_type, arguments=arguments, context=action.context
        )
        self._note_gaps(record, facts)
        before = _judged(self._current, action.agent, submission, facts)
        after = _judged(self._candidate, action.agent, submission, facts)
        self._compare(record, before, after)

    def report(self) -> ReplayReport:
        """Return what was found so far."""
        return ReplayReport(
            span=self._span,
            recorded=self._recorded,
            uncovered=dict(self._uncovered),
            unknown_checks=dict(self._unknown),
            missing_history=dict(self._missing),
            redefined=_redefined(self._current, self._candidate),
            tiers=self._tiers,
            routes=self._routes,
            automatic=self._automatic,
        )

    def _note_gaps(self, record: ActionRecord, facts: Facts) -> None:
        """Count what the candidate would want to know of an action and the record does not have."""
        action, guardrails = record.action, self._candidate.bundle.guardrails
        if action.action_type == policy_change.ACTION_TYPE:
            return
        asked = {
            use.check
            for use in guardrails.checks
            if use.actions.selects(action.agent, action.use_case, action.action_type)
        }
        self._unknown.update(sorted(asked - {*facts.signals}))
        self._missing.update(sorted({aggregate.id for aggregate in guardrails.aggregates} - {*facts.history}))

    def _compare(self, record: ActionRecord, before: Judgement, after: Judgement) -> None:
        action = record.action
        tiers, routes = (before.assessment.tier, after.assessment.tier), (before.route, after.route)
        if tiers[0] is not tiers[1]:
            self._tiers.setdefault(tiers, []).append(action.id)
        if routes[0] is routes[1]:
            return
        self._routes.setdefault(routes, []).append(action.id)
        if after.route is Route.EXECUTE:
            automatic = Automatic(
                id=action.id,
                agent=action.agent,
                action_type=action.action_type,
                use_case=action.use_case,
                route=before.route,
                before=tiers[0],
                after=tiers[1],
            )
            self._automatic.append(automatic)


def replayed(
    records: Iterable[ActionRecord], current: Policy, candidate: Policy, span: str = "the last 90 days"
) -> ReplayReport:
    """Return what the candidate would change for these recorded actions. `span` says in words which they are."""
    replay = Replay(current, candidate, span)
    for record in records:
        replay.add(record)
    return replay.report()


def _judged(policy: Policy, agent: str, submission: Submission, facts: Facts) -> Judgement:
    """Judge an action by recorded facts; what the policy does not admit is denied."""
    try:
        admitted = policy.admit(agent, submission)
    except RequestError as problem:
        return refused(policy, str(problem))
    limits = _limits(policy)
    exceeded = {name: _raised_to(limits[name][1]) for name in facts.exceeded if name in limits}
    known = facts.model_copy(update={"exceeded": exceeded})
    return policy.judge(admitted, submission.arguments, submission.context, known)


def _limits(policy: Policy) -> dict[str, tuple[str, OnExceed]]:
    """Return the limits of a policy: what each says, and what an action meets that goes over it."""
    guardrails = policy.bundle.guardrails
    limits: list[RateLimit | Budget] = [*guardrails.rate_limits, *guardrails.budgets]
    return {limit.id: (limit.model_dump_json(), limit.on_exceed) for limit in limits}


def _redefined(current: Policy, candidate: Policy) -> list[str]:
    """Name the checks and aggregates that both policies have, and that are not the same in both."""
    was, is_now = _inputs(current), _inputs(candidate)
    return [name for name, said in was.items() if is_now.get(name, said) != said]


def _inputs(policy: Policy) -> dict[str, list[str]]:
    """Return what each check and aggregate says; a check may be used several times."""
    guardrails = policy.bundle.guardrails
    found: dict[str, list[str]] = {}
    for use in guardrails.checks:
        found.setdefault(f"the check '{use.check}'", []).append(use.model_dump_json(exclude={"on_unknown"}))
    for aggregate in guardrails.aggregates:
        found[f"the aggregate '{aggregate.id}'"] = [aggregate.model_dump_json()]
    return found


def _raised_to(on_exceed: OnExceed) -> Tier:
    return Tier.HIGH if on_exceed is OnExceed.REFUSE else Tier(on_exceed.value)


def _changed(
    what: str, found: dict[tuple[Tier, Tier], list[str]] | dict[tuple[Route, Route], list[str]]
) -> Iterator[str]:
    if not found:
        yield f"no action changes its {what}"
        return
    yield f"{sum(map(len, found.values())):,} actions change their {what}:"
    for (before, after), ids in found.items():
        yield f"  {before.value} -> {after.value}: {len(ids):,}"
        shown = ids[:MAX_IDS]
        for start in range(0, len(shown), _IDS_IN_LINE):
            yield f"    {' '.join(shown[start : start + _IDS_IN_LINE])}"
        if (left := len(ids) - len(shown)) > 0:
            yield f"    and {left:,} more"
