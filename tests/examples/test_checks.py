import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.ledger import SYSTEM, EntryKind, entry
from examples.marketing.checks import Evidence, evidence, findings
from examples.marketing.script import CAST, Act, votes_of
from examples.marketing.task import Task
from examples.marketing.tasks import TASKS

BY_NAME = {task.name: task for task in TASKS}
ACTION_ID = "a" * 32
KINDS = {
    "score-a-lead": ["action.requested", "action.assessed", "execution.intended", "execution.succeeded"],
    "suggest-a-price": ["action.requested", "action.assessed", "action.suggested"],
    "offer-far-too-much": ["action.requested", "action.assessed", "action.denied"],
    "promise-too-much": [
        "action.requested",
        "action.assessed",
        "approval.requested",
        "vote.accepted",
        "approval.rejected",
    ],
    "write-to-a-lead": [
        "action.requested",
        "action.assessed",
        "approval.requested",
        "vote.refused",
        "vote.accepted",
        "approval.approved",
        "execution.intended",
        "execution.succeeded",
    ],
    "offer-on-the-phone": [
        "action.requested",
        "action.assessed",
        "approval.requested",
        "approval.reminded",
        "approval.escalated",
        "vote.accepted",
        "approval.approved",
        "execution.intended",
        "execution.succeeded",
    ],
    "offer-in-the-chat": ["action.requested", "action.assessed", "approval.requested", "approval.expired"],
}


def as_it_must_be(task: Task) -> dict[str, Any]:
    """The evidence of a task that went as it should, as plain values that a test can spoil."""
    votes = [{"person": p, "decision": d, "door": door} for p, d, door in votes_of(task.name, slack=True)]
    happened, by_mail = task.state == "succeeded", task.action_type == "outreach.send"
    message = {
        "message_id": f"<{ACTION_ID}@northwind.example>",
        "to": [task.arguments.get("to")],
        "subject": task.arguments.get("subject"),
        "body": task.arguments.get("body", ""),
    }
    return {
        "action": {
            "id": ACTION_ID,
            "state": task.state,
            "tier": task.tier,
            "route": task.route,
            "approval": {"votes": votes} if task.asks else None,
            "execution": None,
        },
        "ledger": [
            {"number": number, "entry": {"kind": EntryKind(kind).value}}
            for number, kind in enumerate(KINDS[task.name], 1)
        ],
        "effects": [{"key": ACTION_ID, "body": dict(task.arguments)}] if happened and not by_mail else [],
        "messages": [message] if happened and by_mail else [],
    }


def found(task: Task, seen: dict[str, Any]) -> str:
    return "; ".join(findings(task, evidence(**seen), slack=True))


@pytest.mark.parametrize("name", KINDS)
def test_what_went_as_it_should_has_no_findings(name: str) -> None:
    assert found(BY_NAME[name], as_it_must_be(BY_NAME[name])) == ""


def spoiled() -> Iterator[tuple[str, Callable[[dict[str, Any]], object], str]]:
    yield "score-a-lead", lambda seen: seen["action"].update(state="in_doubt"), "state is in_doubt, expected succeeded"
    yield "score-a-lead", lambda seen: seen["action"].update(tier="medium"), "tier is medium, expected low"
    yield "score-a-lead", lambda seen: seen["effects"].append(seen["effects"][0]), "2 CRM effects and 0 messages"
    yield "score-a-lead", lambda seen: seen["effects"].clear(), "0 CRM effects and 0 messages, expected 1 and 0"
    yield "score-a-lead", lambda seen: seen["effects"][0]["body"].update(score=1), "other arguments"
    yield "score-a-lead", lambda seen: seen["ledger"].pop(2), "the ledger has ['execution.succeeded']"
    yield "score-a-lead", lambda seen: seen["ledger"].reverse(), "expected ['execution.intended', 'execution.succeed"
    yield "score-a-lead", lambda seen: seen["ledger"][0].update(number=None), "no place in the chain"
    yield "offer-far-too-much", lambda seen: seen["effects"].append({"key": ACTION_ID, "body": {}}), "1 CRM effects"
    yield "suggest-a-price", lambda seen: seen["ledger"].pop(), "the ledger has no action.suggested"
    yield "write-to-a-lead", lambda seen: seen["messages"][0].update(subject="Other"), "is not the one"
    yield "write-to-a-lead", lambda seen: seen["messages"].clear(), "0 messages, expected 0 and 1"
    yield "write-to-a-lead", lambda seen: seen["action"]["approval"]["votes"][0].update(door="api"), "the votes are"
    yield "write-to-a-lead", lambda seen: seen["ledger"].pop(3), "the ledger has no vote.refused"
    yield "promise-too-much", lambda seen: seen["action"]["approval"]["votes"].clear(), "the votes are []"
    yield "offer-on-the-phone", lambda seen: seen["ledger"].pop(4), "expected the escalation"
    yield "offer-on-the-phone", lambda seen: seen["ledger"].insert(3, seen["ledger"][5]), "expected the escalation"


@pytest.mark.parametrize(("name", "spoil", "finding"), list(spoiled()))
def test_whatever_is_wrong_is_found(name: str, spoil: Callable[[dict[str, Any]], object], finding: str) -> None:
    seen = as_it_must_be(BY_NAME[name])
    spoil(seen)
    assert finding in found(BY_NAME[name], seen)


def test_evidence_is_about_one_action() -> None:
    seen = as_it_must_be(BY_NAME["score-a-lead"])
    seen["effects"].append({"key": "b" * 32, "body": {}})
    seen["messages"].append({"message_id": f"<{'b' * 32}@northwind.example>"})
    assert found(BY_NAME["score-a-lead"], seen) == ""


def test_kinds_are_read_from_entries_as_the_ledger_writes_them() -> None:
    written = entry("k", EntryKind.EXECUTION_INTENDED, datetime(2026, 11, 1, tzinfo=UTC), SYSTEM, {}, action=ACTION_ID)
    seen = Evidence({}, [{"number": 1, "entry": json.loads(written.body)}], [], [])
    assert seen.kinds == ["execution.intended"]


def test_the_script_is_about_tasks_that_exist_and_every_approved_one_has_its_votes() -> None:
    assert {act.task for act in CAST} <= set(BY_NAME)
    for task in TASKS:
        voted = bool(list(votes_of(task.name, slack=True)))
        assert voted == (task.asks and task.state in ("succeeded", "rejected"))
    assert all(act.reason for act in CAST if isinstance(act, Act) and act.decision == "reject")
