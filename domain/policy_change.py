"""A change of the policy as an action of its own: what it is about, and what every bundle makes of it.

No bundle can loosen this: the action type, its use case and its tier are built in, and the bundle only names who
approves (`policy_changes`). The proposal names the bundle by its digest, and the bundle it would replace; a vote is on
the digest of the whole proposal, with the differences and the replay report that were shown.
"""

import json
from collections.abc import Sequence
from typing import Any

from domain.action import Digest, Frozen, Tier
from domain.catalog import ActionType, Agent, Autonomy, Bundle, Dimension, PolicyChanges, UseCase
from domain.risk import Assessment, Hit, PolicyRef

ACTION_TYPE = "policy.activate"
AGENT = "remit.policy"
USE_CASE = "remit.policy"

_TEXT = {"type": "string", "maxLength": 2000}
_MAX_LINES = 2000
_ROOM_FOR_THE_REST = 200
_LINES = {"type": "array", "items": _TEXT, "maxItems": _MAX_LINES}
ARGUMENTS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bundle", "version", "replaces", "author", "reason", "differences", "replay"],
    "properties": {
        "bundle": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "version": {"type": "string", "maxLength": 200},
        "replaces": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "author": {"type": "string", "maxLength": 80},
        "reason": {"type": "string", "minLength": 1, "maxLength": 2000},
        "differences": _LINES,
        "replay": _LINES,
    },
}

MAX_LINE = 2000
DIFFERENCES_BYTES = 32 * 1024
REPLAY_BYTES = 16 * 1024
"""How much of an action's arguments the two reports may take, so that the reason has room beside them."""


class Change(Frozen):
    """The arguments of a change: which bundle is to replace which, who proposes it and why, and what that changes."""

    bundle: Digest
    version: str
    replaces: Digest
    author: str
    reason: str
    differences: list[str]
    replay: list[str]


def entries(changes: PolicyChanges) -> tuple[Agent, UseCase, ActionType]:
    """Return the catalog entries that a change of the policy belongs to."""
    agent = Agent(id=AGENT, title="Proposes changes of the policy", owner=changes.owner)
    use_case = UseCase(
        id=USE_CASE,
        title="Changing the policy",
        owner=changes.owner,
        agents=[AGENT],
        action_types=[ACTION_TYPE],
        autonomy=Autonomy.REVIEWED,
    )
    action_type = ActionType(
        id=ACTION_TYPE,
        title="Change the policy",
        arguments=ARGUMENTS,
        executor=ACTION_TYPE,
        reversible=True,
        undo="Propose the earlier bundle again: remit policy rollback",
    )
    return agent, use_case, action_type


def assessment(policy: PolicyRef) -> Assessment:
    """Return the assessment of every change of the policy: tier high, because it decides about all other actions."""
    reason = "It changes what every agent may do."
    scores = dict.fromkeys(Dimension, 0) | {Dimension.REGULATORY: 5}
    hits = [Hit(rule=ACTION_TYPE, dimension=Dimension.REGULATORY, points=5, reason=reason)]
    return Assessment(scores=scores, hits=hits, tier=Tier.HIGH, policy=policy)


def fitting(lines: Sequence[str], limit: int) -> list[str]:
    """Return the first lines, as many as take up to `limit` bytes as JSON; a last one says how many are left out.

    A text's NUL is written as its code: the database's JSON has no place for it.
    """
    fit: list[str] = []
    room = limit - _ROOM_FOR_THE_REST
    for number, line in enumerate(lines):
        written = line.replace("\x00", "\\u0000")[:MAX_LINE]
        room -= len(json.dumps(written)) + 1
        if room < 0 or number == _MAX_LINES - 1:
            return [*fit, f"{len(lines) - number} more lines do not fit here; see all of them before you decide"]
        fit.append(written)
    return fit


def is_governed(bundle: Bundle) -> bool:
    """Say whether the bundle names who approves changes of the policy."""
    return bundle.policy_changes is not None
