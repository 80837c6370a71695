"""`policy.activate`: make the bundle of an approved change the active one. Built in: no bundle can name it.

The database decides, in one statement with the ledger's entry: see `adapters.database.policy_changes`. The action's
id is the key, so that asking twice activates once.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from domain.errors import DatabaseUnavailable, EffectUnknown
from domain.policy_change import Change


class ActivationStore(Protocol):
    """What the executor needs of the store of changes."""

    async def activate(self, change: Change, action_id: str) -> int:
        """Activate the bundle of an approved change, once. Raises EffectRefused."""


class PolicyActivate:
    """The executor."""

    def __init__(self, changes: ActivationStore) -> None:
        self._changes = changes

    def is_short(self, settings: Mapping[str, Any]) -> bool:
        """It is one statement of our own database."""
        return True

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        """The database knows each action's activation."""
        return True

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Activate the bundle that the arguments name. Raises EffectRefused when another one came before it."""
        change = Change.model_validate(arguments)
        try:
            number = await self._changes.activate(change, key)
        except DatabaseUnavailable as problem:
            raise EffectUnknown("the database went away while the bundle was being activated") from problem
        return {"activation": number, "bundle": change.bundle, "version": change.version, "replaced": change.replaces}
