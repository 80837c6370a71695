"""Planning: which stages are asked, when steps come, and whom they reach."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.action import Context, Submission, Tier
from domain.approval import Approval, ask
from domain.approval_plan import ApprovalPlan, PlannedStep
from domain.catalog import Dimension
from domain.planning import LONGEST_ASKING, plan_of, reached
from domain.policy import Policy
from domain.risk import Assessment, PolicyRef
from tests.bundles import DOCUMENT, policy
from tests.slack_records import REFUND
from tests.slack_records import waiting as record_of
from workflows.client import LIFETIME

# A Friday afternoon in Berlin, one hour before the office closes.
FRIDAY = datetime(2026, 11, 20, 15, tzinfo=UTC)
CALENDAR = {"time_zone": "Europe/Berlin"}
AWAY = {"first_day": "2026-11-18", "last_day": "2026-11-22"}
STAGES = [{"group": "finance"}, {"group": "legal", "when": "scores.financial >= 5"}, {"group": "on-call"}]


def company(rule: dict[str, Any], **changes: Any) -> Policy:
    people = [{**person, **changes.pop(person["id"], {})} for person in DOCUMENT["people"]]
    groups = [
        {"id": "finance", "members": ["ann", "bob", "olga"], "calendar": CALENDAR},
        {"id": "on-call", "members": ["cem"]},
        {"id": "legal", "members": ["out"]},
        {"id": "empty", "members": []},
    ]
    one = {"id": "one", "expire_after": "2d", **({} if "stages" in rule else {"group": "finance"}), **rule}
    return policy(approvals=[one, *DOCUMENT["approvals"][1:]], people=people, groups=groups, **changes)


def plan(rules: Policy, financial: int = 3, tier: Tier = Tier.MEDIUM, on_behalf_of: str | None = None) -> ApprovalPlan:
    scores = {dimension: financial if dimension is Dimension.FINANCIAL else 0 for dimension in Dimension}
    judged = Assessment(scores=scores, hits=[], tier=tier, policy=PolicyRef(version="1", digest="d"))
    context = Context(on_behalf_of=on_behalf_of)
    arguments = {"customer": "c-1", "amount_minor": 5000}
    wanted = Submission(use_case="support", action_type="refund.create", arguments=arguments, context=context)
    admitted = rules.admit("clerk", wanted)
    action = record_of(REFUND).action.model_copy(update={"context": context})
    return plan_of(rules, "one", judged, action, admitted, FRIDAY)


def stages(rule: dict[str, Any], **judged: Any) -> list[str]:
    return [stage.group for stage in plan(company(rule), **judged).stages]


def test_a_stage_is_asked_where_its_condition_on_the_scores_holds() -> None:
    assert stages({"stages": STAGES}, financial=5) == ["finance", "legal", "on-call"]
    assert stages({"stages": STAGES}, financial=4) == ["finance", "on-call"]


def test_nobody_is_asked_for_longer_than_a_workflow_lives_however_a_calendar_counts() -> None:
    an_hour_a_week = {"days": ["mon"], "opens": "09:00", "closes": "10:00"}
    one = {"id": "one", "group": "finance", "expire_after": "20d", "expire_clock": "business"}
    groups = [{"id": "finance", "members": ["ann"], "calendar": an_hour_a_week}]
    rules = policy(approvals=[one, *DOCUMENT["approvals"][1:]], groups=groups)

    asked = plan(rules).expires_at

    assert asked == record_of(REFUND).action.created_at + LONGEST_ASKING
    assert LONGEST_ASKING + timedelta(days=30) < LIFETIME


def test_a_stage_whose_condition_cannot_be_judged_is_asked() -> None:
    broken = [STAGES[0], {"group": "legal", "when": "scores.financial / 0 > 1"}]

    assert stages({"stages": broken}) == ["finance", "legal"]


def test_where_every_stage_would_be_left_out_all_are_asked() -> None:
    never = [{"group": "finance", "when": "false"}, {"group": "legal", "when": 'tier == "low"'}]

    assert stages({"stages": never}) == ["finance", "legal"]


def test_the_first_stage_that_is_asked_is_alongside_no_other() -> None:
    first = [{"group": "finance", "when": "false"}, {"group": "legal", "alongside": True}, {"group": "on-call"}]
    made = plan(company({"stages": first}))

    assert [(stage.group, stage.alongside) for stage in made.stages] == [("legal", False), ("on-call", False)]
    assert made.together(1) == [1]


def test_who_stood_alongside_a_stage_that_is_left_out_is_asked_in_its_place() -> None:
    asked = [
        {"group": "finance"},
        {"group": "legal", "when": "false"},
        {"group": "on-call", "alongside": True},
        {"group": "empty", "alongside": True},
    ]
    made = plan(company({"stages": asked}))

    assert [(stage.group, stage.alongside) for stage in made.stages] == [
        ("finance", False),
        ("on-call", False),
        ("empty", True),
    ]


def test_steps_and_deadline_come_by_their_clocks() -> None:
    steps = [{"after": "2h", "remind": True}, {"after": "2h", "clock": "business", "ask_group": "on-call"}]

    made = plan(company({"escalation": steps, "expire_after": "8h", "expire_clock": "business"}))

    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert [step.at for step in made.steps] == [FRIDAY + timedelta(hours=2), monday + timedelta(hours=1)]
    assert made.expires_at == monday + timedelta(hours=7)


def test_the_short_form_of_a_rule_gives_the_same_steps() -> None:
    short = {"remind_after": "1h", "escalate_after": "2h", "escalate_to": "on-call"}
    long = {"escalation": [{"after": "1h", "remind": True}, {"after": "2h", "ask_group": "on-call"}]}

    assert plan(company(short)).steps == plan(company(long)).steps


def test_a_tier_that_wants_a_new_sign_in_is_planned_so() -> None:
    rules = company({"step_up": ["high"]})

    assert (plan(rules).step_up, plan(rules, tier=Tier.HIGH).step_up) == (False, True)


def found(step: dict[str, Any], rules: Policy, **approval: Any) -> str:
    """Say whom a step reaches on Friday: `group on-call`, `cem`, or why nobody."""
    waiting: Approval = ask(plan(rules), "sha256:" + "a" * 64).model_copy(update=approval)
    result = reached(PlannedStep(number=1, at=FRIDAY, **step), record_of(REFUND), waiting, rules, FRIDAY)
    return result.nobody or result.person or f"group {result.group}"


ROTATION = {"id": "payments", "members": ["bob", "cem"], "starts_on": "2026-11-16", "turn_days": 1}
REACHED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "a group with people": ({"ask_group": "on-call"}, {}, {}, "group on-call"),
    "a group that is asked already": ({"ask_group": "finance"}, {}, {}, "'finance' is asked already"),
    "a group without people": ({"ask_group": "empty"}, {}, {}, "nobody of 'empty' can vote now"),
    "a group that is gone": ({"ask_group": "gone"}, {}, {}, "has no group 'gone'"),
    "a group whose only member is away": ({"ask_group": "on-call"}, {"cem": {"absences": [AWAY]}}, {}, "nobody of"),
    "and has a delegate": (
        {"ask_group": "on-call"},
        {"cem": {"absences": [{**AWAY, "delegate": "out"}]}},
        {},
        "group on-call",
    ),
    "a person": ({"ask_person": "cem"}, {}, {}, "cem"),
    "a person who left": ({"ask_person": "cem"}, {"cem": {"left_on": "2026-11-01"}}, {}, "'cem' has left"),
    "a person who is away": ({"ask_person": "cem"}, {"cem": {"absences": [AWAY]}}, {}, "away, and nobody stands in"),
    "and has one": ({"ask_person": "cem"}, {"cem": {"absences": [{**AWAY, "delegate": "out"}]}}, {}, "cem"),
    "a delegate who is away too": (
        {"ask_person": "cem"},
        {"cem": {"absences": [{**AWAY, "delegate": "out"}]}, "out": {"absences": [{**AWAY, "delegate": "cem"}]}},
        {},
        "away, and nobody stands in",
    ),
    "whose training expired": (
        {"ask_person": "cem"},
        {"cem": {"trainings": [{"tier": "high", "expires": "2026-11-01"}]}},
        {},
        "expired on 2026-11-01",
    ),
    "the owner of the agent": ({"ask_owner": "agent"}, {}, {}, "olga"),
    "who is excluded": (
        {"ask_owner": "agent"},
        {"rule": {"exclude_agent_owner": True}},
        {},
        "'olga' may not vote here",
    ),
    "the owner of the use case": ({"ask_owner": "use_case"}, {}, {}, "olga"),
    "whoever is on call": ({"ask_rotation": "payments"}, {"rotations": [ROTATION]}, {}, "bob"),
    "by a rotation that is gone": ({"ask_rotation": "payments"}, {}, {}, "nobody could be found"),
}


@pytest.mark.parametrize(("step", "changes", "approval", "expected"), REACHED.values(), ids=REACHED.keys())
def test_a_step_reaches_who_can_vote(
    step: dict[str, Any], changes: dict[str, Any], approval: dict[str, Any], expected: str
) -> None:
    changed = dict(changes)

    assert expected in found(step, company(changed.pop("rule", {}), **changed), **approval)
