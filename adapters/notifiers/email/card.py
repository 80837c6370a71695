"""The card as a mail: one action as a sequence of parts, drawn from its record and the policy, for one reader.

There is nothing in it that decides: it leads to the review page, where people sign in, read and vote.
"""

import json
from enum import StrEnum

from adapters.notifiers.email.arguments import argument_parts
from adapters.notifiers.email.meaning import meaning_rows
from adapters.notifiers.email.parts import Heading, Link, Paragraph, Part, Quote, Table
from adapters.notifiers.email.standing import headline, outcome_parts, standing_parts
from adapters.notifiers.email.words import fitted, json_line, local_time, name_of, noted
from adapters.notifiers.slack.standing import stage_lines
from adapters.notifiers.slack.text import literal, one_line
from domain.approval import Approval
from domain.canary import TOLD
from domain.catalog import Person
from domain.policy import Judgement, Policy
from domain.record import ActionRecord
from domain.revision_diff import diff

_CLAIM = 4000
_FACT = 500
_REASON = 300
_MOST_ROWS = 40


class Occasion(StrEnum):
    """Why somebody gets a mail."""

    ASKED = "asked"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    DECIDED = "decided"


_OPENING = {
    Occasion.ASKED: "Your decision is asked for",
    Occasion.REMINDED: "Reminder: this still waits for your decision",
    Occasion.ESCALATED: "No decision yet, so others are asked, too: this still waits for your decision",
    Occasion.DECIDED: "How it ended",
}


def card(
    record: ActionRecord, policy: Policy, reader: Person, occasion: Occasion, link: str, earlier: bytes | None = None
) -> list[Part]:
    """Draw an action as it stands. `earlier` are the arguments of the revision before, if any."""
    return [
        Heading(f"{_OPENING[occasion]}: {title_of(record, policy)}"),
        Paragraph(headline(record, policy, reader), strong=True),
        *([Paragraph(TOLD)] if record.was_canary else []),
        _where(occasion, link),
        _facts(record, policy, reader),
        *standing_parts(record, policy, reader),
        *_meaning(record, policy),
        *_why(record.judgement),
        *_changes(earlier, record.action.arguments_bytes),
        *argument_parts(record.action.arguments_bytes),
        *_claim(record.action.context.reasoning),
        *outcome_parts(record, reader),
        _where(occasion, link),
        Paragraph(
            f"Action {record.action.id}, revision {record.action.digest.removeprefix('sha256:')[:12]}. Remit sent this "
            "mail by itself; an answer to it reaches nobody and decides nothing."
        ),
    ]


def title_of(record: ActionRecord, policy: Policy) -> str:
    """Return the name of what is to be done, as the policy has it."""
    action_type = policy.action_types.get(record.action.action_type)
    return one_line(action_type.title) if action_type else record.action.action_type


def _where(occasion: Occasion, link: str) -> Link:
    if occasion is Occasion.DECIDED:
        return Link("Read all of it on the review page", link)
    return Link("Read all of it and decide on the review page (opening it decides nothing)", link)


def _facts(record: ActionRecord, policy: Policy, reader: Person) -> Table:
    """Who: the agent, the use case, who answers for it, on whose behalf. The last is what the agent says."""
    action, approval = record.action, record.approval
    agent, use_case = policy.agents.get(action.agent), policy.use_cases.get(action.use_case)
    rows = [
        ("Agent", _named(agent.title if agent else None, action.agent)),
        ("Use case", _named(use_case.title if use_case else None, action.use_case)),
        ("Owner", name_of(record.owner, policy)),
    ]
    if action.context.on_behalf_of:
        unknown = approval is not None and approval.plan.requester_unknown
        note = ", who is not in the catalog: nobody could be excluded" if unknown else ""
        rows.append(("On behalf of (the agent says)", f"{_claimed(action.context.on_behalf_of)}{note}"))
    if action.context.region:
        rows.append(("Region (the agent says)", _claimed(action.context.region)))
    if approval is not None:
        rows += _asking(approval, reader)
    return Table("Who asks, and who decides", rows)


def _asking(approval: Approval, reader: Person) -> list[tuple[str, str]]:
    lines = stage_lines(approval)
    return [
        ("Stages" if len(lines) > 1 else "Approvals", "\n".join(lines)),
        ("Deadline", local_time(approval.plan.expires_at, reader)),
    ]


def _meaning(record: ActionRecord, policy: Policy) -> list[Part]:
    rows = meaning_rows(record.action, policy)
    return [Table("What it would do", rows)] if rows else []


def _why(judgement: Judgement | None) -> list[Part]:
    """Why people are asked: what decided the route, the scores, each rule that gave points, what raised the tier."""
    if judgement is None:
        return []
    assessment = judgement.assessment
    scores = ", ".join(f"{dimension.value} {points}" for dimension, points in assessment.scores.items() if points)
    rows = [
        ("Because", fitted(judgement.because, _FACT, "a reason")),
        ("Risk", f"{assessment.tier.value} tier; of 5 points: {scores or 'none'}"),
    ]
    for hit in sorted(assessment.hits, key=lambda hit: -hit.points):
        rows.append((f"{hit.dimension.value} {hit.points}", f"{fitted(hit.reason, _REASON, 'a reason')} ({hit.rule})"))
    for raised in assessment.raised:
        reason = fitted(raised.reason, _REASON, "a reason")
        rows.append((f"Raised to {raised.tier.value}", f"{reason} ({one_line(raised.by)})"))
    return [Table("Why you are asked", _bounded(rows))]


def _changes(earlier: bytes | None, arguments: bytes) -> list[Part]:
    if earlier is None:
        return []
    found = diff(json.loads(earlier), json.loads(arguments))
    rows = [(fitted(each.path, _REASON, "a path"), f"{_value(each.before)} → {_value(each.after)}") for each in found]
    return [Table(f"Changed since the revision before ({len(found):,})", _bounded(rows))]


def _value(written: str | None) -> str:
    if written is None:
        return "(not there)"
    shown = json_line(json.loads(written))
    return shown if len(shown) <= _REASON else f"({len(written):,} characters)"


def _claim(reasoning: str | None) -> list[Part]:
    """Quote what the agent says for itself, labelled as that."""
    if not reasoning or not reasoning.strip():
        return []
    title, shown = "The agent's own reasoning (its claim: nobody has checked it)", literal(reasoning)
    if len(shown) > _CLAIM:
        title += f"; the beginning of {len(reasoning):,} characters, all of it is on the review page"
    return [Quote(noted(title, reasoning), shown[:_CLAIM])]


def _bounded(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    more = len(rows) - _MOST_ROWS
    return [*rows[:_MOST_ROWS], ("...", f"and {more:,} more, on the review page")] if more > 0 else rows


def _named(title: str | None, identifier: str) -> str:
    return f"{one_line(title)} ({identifier})" if title else identifier


def _claimed(name: str) -> str:
    shown = json_line(name)
    return shown if len(shown) <= _FACT else f"a name of {len(name):,} characters"
