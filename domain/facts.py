"""Facts: what judging an action needs beyond the action itself, gathered once and recorded with the judgement.

Judging the same action by the same bundle with the same facts gives the same judgement, in any process.
"""

from datetime import datetime

from domain.action import Frozen, Tier
from domain.signals import Signal


class Facts(Frozen):
    """The moment, the recent past, what the checks said, and the limits that were exceeded with the tier they raise to.

    `history` maps each aggregate of the bundle to its value, this action included.
    """

    at: datetime
    history: dict[str, int] = {}
    signals: dict[str, Signal] = {}
    exceeded: dict[str, Tier] = {}
