"""Before it runs, the stricter of the recorded and the live policy applies."""

from datetime import timedelta
from typing import Any

import pytest

from domain.action import Route, State
from domain.approval import Approval, ApprovalOutcome, Decision, Door, Vote
from domain.policy import Judgement, Policy
from domain.record import ActionRecord
from domain.tightening import tightened
from tests.approvals import planned
from tests.bundles import DOCUMENT, FACTS, policy
from tests.databases import NOW, note, refund

RELAXED = policy()


def approved_by(*people: str) -> ActionRecord:
    """A refund that was asked about, and approved by these people."""
    action, judgement = refund()
    votes = [
        Vote(
            person=person,
            group="finance",
            decision=Decision.APPROVE,
            revision=action.digest,
            reason="",
            door=Door.API,
            at=NOW,
        )
        for person in people
    ]
    plan = planned(expires_at=NOW + timedelta(days=1))
    approval = Approval(
        plan=plan, revision=action.digest, groups=["finance"], votes=votes, outcome=ApprovalOutcome.APPROVED
    )
    return ActionRecord(
        action=action,
        owner="olga",
        state=State.PENDING_APPROVAL,
        judgement=judgement,
        approval=approval,
        updated_at=NOW,
    )


def ran_alone() -> ActionRecord:
    action, judgement = note()
    return ActionRecord(action=action, owner="olga", state=State.ASSESSING, judgement=judgement, updated_at=NOW)


def live(record: ActionRecord, route: Route, approval: str | None = None) -> Judgement:
    assert record.judgement is not None
    return record.judgement.model_copy(
        update={"route": route, "because": "we became careful", "approval": approval, "facts": FACTS}
    )


def with_quorum(quorum: int, **changes: Any) -> Policy:
    approvals = [
        {**rule, "quorum": quorum, **changes} if rule["id"] == "one" else rule for rule in DOCUMENT["approvals"]
    ]
    return policy(approvals=approvals)


def test_a_loosening_does_not_reach_a_pending_action() -> None:
    assert tightened(approved_by("ann"), live(approved_by("ann"), Route.EXECUTE), RELAXED) is None


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (Route.DENY, "the policy that is active now denies it: we became careful"),
        (Route.SUGGEST, "the policy that is active now only records it as a suggestion: we became careful"),
    ],
)
def test_what_the_live_policy_would_not_run_does_not_run(route: Route, said: str) -> None:
    for record in (approved_by("ann", "bob"), ran_alone()):
        assert tightened(record, live(record, route), RELAXED) == said


def test_what_nobody_was_asked_about_does_not_run_when_people_are_asked_now() -> None:
    record = ran_alone()

    assert tightened(record, live(record, Route.ASK, "one"), RELAXED) == (
        "the policy that is active now asks people first: we became careful"
    )


@pytest.mark.parametrize(
    ("people", "of", "said"),
    [
        (["ann"], RELAXED, None),
        (["ann", "bob"], with_quorum(2), None),
        (["ann"], with_quorum(2), "2 of 'finance', and 1 of them approved it"),
        (["out"], RELAXED, "1 of 'finance', and 0 of them approved it"),
        (["cem"], RELAXED, None),  # the group it escalates to
        (["olga"], with_quorum(1, exclude_agent_owner=True), "1 of 'finance', and 0 of them approved it"),
    ],
)
def test_the_votes_must_satisfy_the_live_policy(people: list[str], of: Policy, said: str | None) -> None:
    record = approved_by(*people)

    found = tightened(record, live(record, Route.ASK, "one"), of)

    assert found == (said and f"the policy that is active now asks for more approval: {said}")
