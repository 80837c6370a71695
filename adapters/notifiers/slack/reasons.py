"""Why people are asked, what the agent says for itself, and what changed since the revision before."""

import json

from adapters.notifiers.slack.text import (
    Block,
    escaped,
    fitted,
    hides_something,
    lines_within,
    literal,
    prose,
    quoted,
    revealed,
    section,
    units,
)
from domain.action import Tier
from domain.policy import Judgement
from domain.revision_diff import Difference, diff

HIDDEN_CHARACTERS = r":warning: *holds characters that cannot be seen or that reorder text*, written as `\uXXXX`"
_REASONS = 1500
CLAIM = 1200
CHANGES = 1200
_VALUE = 150
_MOST_POINTS = 5
_WIDTH = 12
_MARK = {Tier.LOW: "🟢", Tier.MEDIUM: "🟠", Tier.HIGH: "🔴"}


def reasons(judgement: Judgement | None, link: str) -> list[Block]:
    """Show why people are asked: what decided the route, the scores, each rule that gave points, what raised it."""
    if judgement is None:
        return []
    assessment = judgement.assessment
    lines = [f"*Why you are asked:* {fitted(judgement.because, 600, 'a reason', link)}", *_bars(judgement)]
    for hit in sorted(assessment.hits, key=lambda hit: -hit.points):
        reason = fitted(hit.reason, 300, "a reason", link)
        lines.append(f"• {hit.dimension.value} {hit.points} of 5: {reason} (`{hit.rule}`)")
    for raised in assessment.raised:
        reason = fitted(raised.reason, 300, "a reason", link)
        lines.append(f"• raised to {raised.tier.value} by {prose(raised.by)}: {reason}")
    return [section(lines_within(lines, _REASONS, link))]


def _bars(judgement: Judgement) -> list[str]:
    """Draw the scores above zero as bars, one a line, and the tier."""
    assessment = judgement.assessment
    lines = [f"{_MARK[assessment.tier]} tier *{assessment.tier.value}*"]
    for dimension, points in assessment.scores.items():
        filled = max(0, min(points, _MOST_POINTS))
        if filled:
            bar = "█" * filled + "░" * (_MOST_POINTS - filled)
            lines.append(f"`{dimension.value:<{_WIDTH}} {bar} {points}`")
    return lines


def claim(reasoning: str | None, link: str, limit: int = CLAIM) -> list[Block]:
    """Quote what the agent says for itself, labelled as that."""
    if not reasoning or not reasoning.strip():
        return []
    first, *rest = quoted(literal(reasoning), limit)
    label = "*The agent's own reasoning* (its claim: nobody has checked it)"
    if hides_something(reasoning):
        label += f" {HIDDEN_CHARACTERS}"
    if rest:
        label += f"; the beginning of {len(reasoning):,} characters: <{link}|read all>"
    return [section(label), section(first)]


def changes(earlier: bytes | None, arguments: bytes, link: str, limit: int = CHANGES) -> list[Block]:
    """Show field by field what changed since the revision before; nothing for a first revision."""
    if earlier is None:
        return []
    found = diff(json.loads(earlier), json.loads(arguments))
    lines = [f"*Changed since the revision before* ({len(found):,}):", *(_changed(each, link) for each in found)]
    return [section(lines_within(lines, limit, link))]


def _changed(change: Difference, link: str) -> str:
    path = _inline(change.path)
    if units(path) > _VALUE:
        path = f"a field with a name of {len(change.path):,} characters"
    return f"• {path}: {_value(change.before, link)} → {_value(change.after, link)}"


def _value(written: str | None, link: str) -> str:
    if written is None:
        return "_not there_"
    shown = _inline(written)
    return shown if units(shown) <= _VALUE else f"<{link}|{len(written):,} characters>"


def _inline(written: str) -> str:
    """Return what is on one line already, as JSON is, as code that its content cannot end."""
    shown = escaped(revealed(written).replace("`", "\\u0060"))
    return f"`{shown}`"
