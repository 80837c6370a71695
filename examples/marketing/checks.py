"""What must be true once the story is over, told from the outside: the action, its ledger, and the effects."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.marketing.script import Act, part_of, votes_of
from examples.marketing.task import Task

_OUTCOME = {
    "rejected": "approval.rejected",
    "expired": "approval.expired",
    "cancelled": "approval.cancelled",
    "denied": "action.denied",
    "suggested": "action.suggested",
}


@dataclass(frozen=True)
class Evidence:
    """What can be seen of one action: what Remit says, and what the outside systems really did."""

    action: Mapping[str, Any]
    ledger: Sequence[Mapping[str, Any]]
    effects: Sequence[Mapping[str, Any]]
    messages: Sequence[Mapping[str, Any]]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the ledger's entries, in order."""
        return [str(item["entry"]["kind"]) for item in self.ledger]

    @property
    def votes(self) -> list[Mapping[str, Any]]:
        """The votes that count."""
        return list((self.action["approval"] or {}).get("votes", ()))


def evidence(
    action: Mapping[str, Any],
    ledger: Sequence[Mapping[str, Any]],
    effects: Sequence[Mapping[str, Any]],
    messages: Sequence[Mapping[str, Any]],
) -> Evidence:
    """Pick out what belongs to an action: its id is the CRM's key and the left half of the Message-ID."""
    mine = str(action["id"])
    return Evidence(
        action=action,
        ledger=ledger,
        effects=[effect for effect in effects if effect["key"] == mine],
        messages=[message for message in messages if str(message["message_id"]).startswith(f"<{mine}@")],
    )


def findings(task: Task, seen: Evidence, slack: bool) -> Iterator[str]:
    """Yield everything about an action that is not as it must be."""
    for name, expected in (("state", task.state), ("tier", task.tier), ("route", task.route)):
        if seen.action[name] != expected:
            yield f"{name} is {seen.action[name]}, expected {expected}"
    voted = Counter((vote["person"], vote["decision"], vote["door"]) for vote in seen.votes)
    if voted != Counter(votes_of(task.name, slack)):
        yield f"the votes are {sorted(voted.elements())}, expected {sorted(votes_of(task.name, slack))}"
    yield from _effect_findings(task, seen)
    yield from _ledger_findings(task, seen)


def _effect_findings(task: Task, seen: Evidence) -> Iterator[str]:
    """Check that the effect happened once, where it belongs, with the arguments that were shown; or not at all."""
    happened = task.state == "succeeded"
    by_mail = task.action_type == "outreach.send"
    expected = (int(happened and not by_mail), int(happened and by_mail))
    counted = (len(seen.effects), len(seen.messages))
    if counted != expected:
        yield (
            f"{counted[0]} CRM effects and {counted[1]} messages, expected {expected[0]} and {expected[1]}: "
            f"the reason is {(seen.action['execution'] or {}).get('result')}"
        )
    for effect in seen.effects:
        changed = [name for name, value in effect["body"].items() if task.arguments.get(name) != value]
        if changed:
            yield f"the CRM got other arguments than were decided on: {', '.join(changed)}"
    for message in seen.messages:
        sent = (message["to"], message["subject"], message["body"].strip().splitlines())
        wanted = ([task.arguments["to"]], task.arguments["subject"], task.arguments["body"].strip().splitlines())
        if sent != wanted:
            yield "the message that was sent is not the one that was decided on"


def _ledger_findings(task: Task, seen: Evidence) -> Iterator[str]:
    executions = [kind for kind in seen.kinds if kind.startswith("execution.")]
    expected = ["execution.intended", "execution.succeeded"] if task.state == "succeeded" else []
    if executions != expected:
        yield f"the ledger has {executions or 'no execution'}, expected {expected or 'none'}"
    for kind in _kinds_expected(task):
        if kind not in seen.kinds:
            yield f"the ledger has no {kind}"
    counted = seen.kinds.count("vote.accepted")
    if counted != len(seen.votes):
        yield f"the ledger has {counted} votes that count, the action has {len(seen.votes)}"
    if any(isinstance(act, Act) and act.after_escalation for act in part_of(task.name)):
        first = next((kind for kind in seen.kinds if kind in ("approval.escalated", "vote.accepted")), None)
        if first != "approval.escalated":
            yield f"the first of escalation and vote is {first}, expected the escalation"
    if any(item["number"] is None for item in seen.ledger):
        yield "some of its ledger entries have no place in the chain yet"


def _kinds_expected(task: Task) -> Iterator[str]:
    yield from ("action.requested", "action.assessed")
    if task.asks:
        yield "approval.requested"
    if task.asks and task.state == "succeeded":
        yield "approval.approved"
    if task.state in _OUTCOME:
        yield _OUTCOME[task.state]
    if any(isinstance(act, Act) and act.refused for act in part_of(task.name)):
        yield "vote.refused"
