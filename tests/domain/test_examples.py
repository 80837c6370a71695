from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.action import Route, Tier
from domain.calendar import is_working
from domain.catalog import Calendar, Example
from domain.examples import failures_of, outcome_of, working_moment
from domain.signals import Finding, Signal
from tests.bundles import DOCUMENT, policy

LARGE = DOCUMENT["tests"][0]
GUARDED = {
    "aggregates": [
        {"id": "refunded", "of": "amount", "window": "1d"},
        {"id": "refunds", "of": "count", "window": "1d"},
        {"id": "mails", "of": "count", "actions": {"action_types": ["mail.send"]}, "window": "1d"},
    ],
    "checks": [{"check": "links"}],
}
ANSWER = {"links": Signal(check="links", version="1", finding=Finding.CLEAR)}


def example(**changes: Any) -> Example:
    return Example.model_validate({**LARGE, **changes})


def expecting(**expect: Any) -> Example:
    return example(expect={**LARGE["expect"], **expect})


def types_with_amounts() -> list[Any]:
    return [
        {**kind, "roles": {"amount": "amount_minor"}} if kind["id"] == "refund.create" else kind
        for kind in DOCUMENT["action_types"]
    ]


def test_an_example_that_comes_out_as_expected_has_no_failures() -> None:
    assert failures_of(policy(), example(), {}) == []


MATCHED = "; matched: fin.refund, fin.large"


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"tier": "low"}, "expected tier low, got high"),
        ({"route": "execute"}, "expected route execute, got ask (the tier is high)"),
        ({"approval": "one"}, "expected approval 'one', got 'two'"),
        ({"hits": ["fin.refund", "fin.large", "con.promise"]}, "expected con.promise to match"),
        ({"hits": ["fin.refund"]}, "did not expect fin.large to match"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_comes_out_otherwise_is_said_with_the_rules_behind_it(expect: dict[str, Any], said: str) -> None:
    assert failures_of(policy(), expecting(**expect), {}) == [f"test 'large-refund': {said}{MATCHED}"]


def test_only_what_an_example_expects_is_compared() -> None:
    assert failures_of(policy(), example(expect={"route": "ask"}), {}) == []


def test_a_failure_names_what_raised_the_tier() -> None:
    failures = failures_of(policy(guardrails=GUARDED), expecting(tier="low"), {})

    assert failures == [
        f"test 'large-refund': expected tier low, got high{MATCHED}; "
        "raised by: check:links (the check 'links' gave no answer: the check gave no answer)"
    ]


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"agent": "retired"}, "agent 'retired' is not an active agent of the catalog; ask its owner"),
        ({"use_case": "nowhere"}, "no use case 'nowhere' in the catalog"),
        ({"arguments": {"customer": "c-1", "amount_minor": 2**60}}, "integers"),
        ({"arguments": {}}, "the arguments do not fit 'refund.create'"),
    ],
    ids=["agent", "use case", "number", "arguments"],
)
def test_a_submission_that_is_refused_counts_as_denied(changes: dict[str, Any], because: str) -> None:
    judgement = outcome_of(policy(), example(**changes), {})

    assert (judgement.route, judgement.assessment.tier, judgement.approval) == (Route.DENY, Tier.HIGH, None)
    assert because in judgement.because


def test_the_past_an_example_leaves_out_is_this_action_alone() -> None:
    rules = policy(guardrails=GUARDED, action_types=types_with_amounts())
    facts = outcome_of(rules, example(history={"refunds": 7}), ANSWER).facts

    assert facts is not None
    assert facts.history == {"refunded": 100001, "refunds": 7, "mails": 0}
    assert facts.signals == ANSWER


def test_an_example_comes_out_alike_on_every_day() -> None:
    facts = outcome_of(policy(), example(), {}).facts
    given = outcome_of(policy(), example(at="2026-05-01T03:00:00"), {}).facts

    assert facts is not None
    assert facts.at == datetime(2026, 1, 14, 13, tzinfo=UTC)
    assert given is not None
    assert given.at == datetime(2026, 5, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "at"),
    [
        ({}, datetime(2026, 1, 14, 13, tzinfo=UTC)),
        ({"time_zone": "Asia/Tokyo"}, datetime(2026, 1, 14, 13, tzinfo=ZoneInfo("Asia/Tokyo"))),
        ({"days": ["sun"]}, datetime(2026, 1, 18, 13, tzinfo=UTC)),
        ({"opens": "22:00", "closes": "06:00"}, datetime(2026, 1, 15, 2, tzinfo=UTC)),
        ({"opens": "00:00", "closes": "00:00"}, datetime(2026, 1, 14, 12, tzinfo=UTC)),
    ],
    ids=["usual", "zone", "sundays", "night", "always"],
)
def test_the_moment_of_an_example_is_the_middle_of_a_shift(calendar: dict[str, Any], at: datetime) -> None:
    kept = Calendar.model_validate(calendar)

    assert working_moment(kept) == at
    assert is_working(kept, at)


def test_where_nobody_ever_works_it_is_noon() -> None:
    assert working_moment(Calendar(days=[])) == datetime(2026, 1, 14, 12, tzinfo=UTC)
