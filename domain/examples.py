"""Examples at work: what a policy makes of the actions that a bundle carries as its tests.

An example stands for itself, so that it comes out alike on every machine and on every day:

moment      without `at` it is the middle of the first shift of the use case's calendar from Wednesday, 14 January 2026
past        an aggregate it does not give counts this action alone: 1, or its own amount; 0 where it is not about it
limits      none is exceeded: they depend on what else happened
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import field_validator

from domain.action import Context, Frozen, Identifier, Route, Submission, Tier
from domain.calendar import is_working
from domain.canonical import revision_bytes
from domain.catalog import Calendar, Dimension, Example
from domain.catalog.checking.required_tests import year_problem
from domain.errors import RequestError
from domain.facts import Facts
from domain.policy import Admitted, Judgement, Policy
from domain.risk import Assessment
from domain.roles import meaning_of
from domain.signals import Signal

FIRST_DAY = date(2026, 1, 14)
_DAY = timedelta(days=1)
_DAYS_LOOKED_AT = 31


class Trial(Frozen):
    """An action to be tried out: what an agent would submit, and the past it meets."""

    agent: Identifier
    use_case: Identifier
    action_type: Identifier
    arguments: dict[str, Any]
    context: Context = Context()
    at: datetime | None = None
    history: dict[str, int] = {}

    @field_validator("at")
    @classmethod
    def _can_be(cls, at: datetime | None) -> datetime | None:
        if at is not None and (problem := year_problem(at)):
            raise ValueError(problem)
        return at


def admitted_of(policy: Policy, trial: Trial | Example) -> tuple[Admitted, dict[str, Any]]:
    """Return the catalog entries of a trial, and its arguments as they are read back from their bytes.

    Raises RequestError where the policy refuses such a submission.
    """
    arguments: dict[str, Any] = json.loads(revision_bytes(trial.arguments))
    submission = Submission(
        use_case=trial.use_case, action_type=trial.action_type, arguments=arguments, context=trial.context
    )
    return policy.admit(trial.agent, submission), arguments


def outcome_of(policy: Policy, example: Trial | Example, signals: Mapping[str, Signal]) -> Judgement:
    """Judge a trial with these signals. A submission that is refused comes out as denied, with the refusal's text."""
    try:
        admitted, arguments = admitted_of(policy, example)
    except RequestError as problem:
        return refused(policy, str(problem))
    facts = Facts(
        at=_moment(example, admitted.use_case.calendar),
        history=_alone(policy, admitted, arguments) | example.history,
        signals=dict(signals),
    )
    return policy.judge(admitted, arguments, example.context, facts)


def refused(policy: Policy, because: str) -> Judgement:
    """Return the judgement of what the policy does not even admit: denied, and the tier is high."""
    assessment = Assessment(scores=dict.fromkeys(Dimension, 0), hits=[], tier=Tier.HIGH, policy=policy.ref)
    return Judgement(assessment=assessment, route=Route.DENY, because=because)


def failures_of(policy: Policy, example: Example, signals: Mapping[str, Signal]) -> list[str]:
    """Say how an example comes out otherwise than it expects, one sentence for each difference."""
    judgement = outcome_of(policy, example, signals)
    return [f"test '{example.id}': {difference}; {_why(judgement)}" for difference in _differences(example, judgement)]


def working_moment(calendar: Calendar) -> datetime:
    """Return the middle of the first shift from the fixed day; its noon where nobody works in the month after it."""
    zone = ZoneInfo(calendar.time_zone)
    opens, closes = (timedelta(hours=each.hour, minutes=each.minute) for each in (calendar.opens, calendar.closes))
    length = (closes - opens) % _DAY or _DAY
    for number in range(_DAYS_LOOKED_AT):
        begins = datetime.combine(FIRST_DAY + number * _DAY, calendar.opens, zone)
        if is_working(calendar, begins):
            return begins + length / 2
    return datetime.combine(FIRST_DAY, time(12), zone)


def _moment(example: Trial | Example, calendar: Calendar) -> datetime:
    """Return the moment of a trial; one without a zone is meant where the use case works."""
    if example.at is None:
        return working_moment(calendar)
    return example.at if example.at.tzinfo else example.at.replace(tzinfo=ZoneInfo(calendar.time_zone))


def _alone(policy: Policy, admitted: Admitted, arguments: Mapping[str, Any]) -> dict[str, int]:
    """Return the aggregates as if there had been no other action."""
    amount = meaning_of(admitted.action_type, arguments).amount
    subject = (admitted.agent.id, admitted.use_case.id, admitted.action_type.id)
    return {
        aggregate.id: (1 if aggregate.of == "count" else amount) if aggregate.actions.selects(*subject) else 0
        for aggregate in policy.bundle.guardrails.aggregates
    }


def _differences(example: Example, judgement: Judgement) -> Iterator[str]:
    expected, assessment = example.expect, judgement.assessment
    if expected.tier is not None and expected.tier is not assessment.tier:
        yield f"expected tier {expected.tier.value}, got {assessment.tier.value}"
    if expected.route is not judgement.route:
        yield f"expected route {expected.route.value}, got {judgement.route.value} ({judgement.because})"
    if expected.approval is not None and expected.approval != judgement.approval:
        yield f"expected approval '{expected.approval}', got {_quoted(judgement.approval)}"
    if expected.hits is not None:
        matched = [hit.rule for hit in assessment.hits]
        missing = [rule for rule in expected.hits if rule not in matched]
        surplus = [rule for rule in matched if rule not in expected.hits]
        if missing:
            yield f"expected {_listed(missing)} to match"
        if surplus:
            yield f"did not expect {_listed(surplus)} to match"


def _why(judgement: Judgement) -> str:
    """Say what the tier came from, without anything of the arguments."""
    assessment = judgement.assessment
    said = [f"matched: {_listed(hit.rule for hit in assessment.hits)}"]
    if assessment.failed_rules:
        said.append(f"could not be judged: {_listed(assessment.failed_rules)}")
    if assessment.raised:
        said.append(f"raised by: {_listed(f'{each.by} ({each.reason})' for each in assessment.raised)}")
    return "; ".join(said)


def _listed(names: Any) -> str:
    return ", ".join(names) or "no rule"


def _quoted(name: str | None) -> str:
    return f"'{name}'" if name else "none"
