"""Who does what in the story, as plain data."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Act:
    """One vote: who, on what, through which door. `refused` is the code with which it must be turned away."""

    task: str
    person: str
    decision: str
    door: str
    reason: str = ""
    after_escalation: bool = False
    refused: str | None = None


@dataclass(frozen=True)
class Withdrawal:
    """The agent takes its own action back while people are still asked."""

    task: str


CAST: tuple[Act | Withdrawal, ...] = (
    # The letter is written on Erik's behalf, so his own vote does not count.
    Act("write-to-a-lead", "erik", "approve", "api", refused="self_approval"),
    Act("write-to-a-lead", "dana", "approve", "slack"),
    Act("write-to-a-lead-abroad", "farah", "approve", "api"),
    Act("promise-too-much", "farah", "reject", "slack", "We must not promise that measurements are always right."),
    Act("offer-a-discount", "dana", "approve", "page"),
    Act("refund-an-invoice", "gita", "approve", "api"),
    Act("refund-an-invoice", "hugo", "approve", "api"),
    # Nobody of sales answers, so the on-call people are asked; Jon is one of them and of no other group.
    Act("offer-on-the-phone", "jon", "approve", "slack", after_escalation=True),
    # Nobody ever answers offer-in-the-chat.
    Withdrawal("sort-many-accounts"),
)


def part_of(task: str) -> list[Act | Withdrawal]:
    """Return what is done about a task, in order."""
    return [act for act in CAST if act.task == task]


def votes_of(task: str, slack: bool) -> Iterable[tuple[str, str, str]]:
    """Return the votes that must count in the end: person, decision and door."""
    for act in part_of(task):
        if isinstance(act, Act) and act.refused is None:
            yield act.person, act.decision, "page" if act.door == "slack" and not slack else act.door
