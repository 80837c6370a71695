"""How often one side may ask something of one action.

Temporal takes 2,000 updates for one workflow and ends one whose history grows too long. Without a measure, somebody
who clicks for ever, or an agent that answers for ever, could use them up, and nobody could decide any more.
"""

from collections import Counter

from temporalio.exceptions import ApplicationError

from domain.errors import RefusalCode
from domain.ledger import Actor, ActorKind

MAX_ATTEMPTS = 50
"""How many requests of one person, or of the agent, an action takes: votes, edits and all others together."""

_STRANGERS = "slack:"


class Attempts:
    """Counts what was asked of one action, by person. The agent is one of them, and all strangers together are."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def note(self, who: Actor | str) -> None:
        """Count a request of an agent, or of a person by id."""
        self._taken[_side(who)] += 1

    def require_room(self, who: Actor | str) -> None:
        """Turn away a request too many, before anything of it stands in history. Raises ApplicationError."""
        if self._taken[_side(who)] < MAX_ATTEMPTS:
            return
        message = f"{MAX_ATTEMPTS} requests about this action came from there already; it takes no more of them"
        raise ApplicationError(message, type=RefusalCode.TOO_MANY_REQUESTS.value, non_retryable=True)


def _side(who: Actor | str) -> str:
    if isinstance(who, Actor):
        return _side(who.id) if who.kind is ActorKind.PERSON else "agent"
    return "strangers" if who.startswith(_STRANGERS) else f"person {who}"
