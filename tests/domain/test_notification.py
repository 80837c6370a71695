"""Whom to notify: those whose turn it is, by name."""

from typing import Any

import pytest

from domain.action import State
from domain.approval import AskedToo
from domain.catalog import Stage
from domain.notification import whom_to_notify
from domain.record import ActionRecord
from tests.bundles import DOCUMENT, policy
from tests.slack_records import NOW, POLICY, REFUND, asked, voted, waiting


def planned(**plan: Any) -> ActionRecord:
    """Return a waiting record with parts of its plan changed."""
    record = waiting(REFUND)
    changed = asked(record).plan.model_copy(update=plan)
    return record.model_copy(update={"approval": asked(record).model_copy(update={"plan": changed})})


def changed(record: ActionRecord, **approval: Any) -> ActionRecord:
    return record.model_copy(update={"approval": asked(record).model_copy(update=approval)})


def test_the_members_of_the_group_that_is_asked_are_notified() -> None:
    assert whom_to_notify(waiting(REFUND), POLICY, NOW) == ["ann", "bob", "olga"]


def test_who_is_excluded_or_has_voted_is_not() -> None:
    two = Stage(group="finance", quorum=2)
    record = voted(planned(stages=[two], excluded={"olga": "owns the agent"}), "ann")

    assert whom_to_notify(record, POLICY, NOW) == ["bob"]


@pytest.mark.parametrize(
    ("group", "expected"),
    [({"not_notified": ["bob"]}, ["ann", "olga"]), ({"direct_messages": False}, [])],
    ids=["may approve and is not notified", "a group without direct messages"],
)
def test_a_group_may_spare_its_members(group: dict[str, Any], expected: list[str]) -> None:
    rules = policy(groups=[{**DOCUMENT["groups"][0], **group}, DOCUMENT["groups"][1]])

    assert whom_to_notify(waiting(REFUND), rules, NOW) == expected


def test_who_is_asked_by_name_or_was_handed_it_is_notified() -> None:
    record = changed(waiting(REFUND), asked_too=[AskedToo(stage=1, person="cem")], assigned=["bob"])

    assert whom_to_notify(record, POLICY, NOW) == ["bob", "cem", "ann", "olga"]


def test_stages_asked_together_are_notified_until_they_have_their_approvals() -> None:
    stages = [Stage(group="finance"), Stage(group="on-call", alongside=True)]
    record = changed(planned(stages=stages), groups=["finance", "on-call"])

    assert whom_to_notify(record, POLICY, NOW) == ["ann", "bob", "olga", "cem"]
    assert whom_to_notify(voted(record, "ann"), POLICY, NOW) == ["cem"]


def test_nobody_is_notified_of_what_is_over() -> None:
    assert whom_to_notify(voted(waiting(REFUND), "ann"), POLICY, NOW) == []
    over = waiting(REFUND).model_copy(update={"state": State.EXPIRED})
    assert whom_to_notify(over, POLICY, NOW) == []
