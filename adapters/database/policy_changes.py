"""Changes of the policy in PostgreSQL: bundles that are proposed, the one activation that each may lead to.

The application cannot write an activation. It asks the function `activate_policy`, and the database itself looks
whether the action is an approved change that names this very bundle and the one it replaces.
"""

from datetime import UTC, datetime

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from adapters.database.policies import bundle_bytes
from domain.canonical import digest
from domain.catalog import Bundle
from domain.errors import EffectRefused
from domain.ledger import SYSTEM, EntryKind, entry
from domain.policy_change import Change

_ACTIVATE = f"""
WITH changed AS MATERIALIZED (SELECT number, fresh FROM activate_policy($10, $11)), {ENTRY_INSERTS}
SELECT number, fresh FROM changed"""

_STORE = "INSERT INTO policy_bundle (digest, version, document) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING"

NOT_APPROVED = "RM001"
REPLACED = "RM002"


class PolicyChangeStore:
    """The store of proposed bundles, and of the one activation that each change may lead to."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def store(self, bundle: Bundle) -> str:
        """Keep a bundle that is proposed, and return its digest. Nothing becomes active by it."""
        document = bundle_bytes(bundle)
        name = digest(document)
        with database_errors():
            await self._pool.execute(_STORE, name, bundle.version, document)
        return name

    async def activate(self, change: Change, action_id: str) -> int:
        """Make the bundle of an approved change the active one, with its ledger entry, and return the number.

        Asked again it changes nothing. Raises EffectRefused when another bundle was activated since it was proposed,
        and when the database does not find an approved change of this digest.
        """
        data = {
            "about": change.bundle,
            "version": change.version,
            "replaces": change.replaces,
            "action": action_id,
            "author": change.author,
        }
        kind = EntryKind.POLICY_ACTIVATED
        written = entry(f"{action_id}/{kind.value}", kind, datetime.now(UTC), SYSTEM, data, action=action_id)
        try:
            with database_errors():
                row = await self._pool.fetchrow(_ACTIVATE, *entry_parameters([written]), action_id, change.bundle)
        except asyncpg.PostgresError as refusal:
            if refusal.sqlstate == REPLACED:
                raise EffectRefused(
                    f"policy_replaced: version {change.version} was to replace {change.replaces}, and another bundle "
                    "was activated meanwhile; propose it again: remit policy propose DIR --reason WHY"
                ) from refusal
            if refusal.sqlstate == NOT_APPROVED:
                raise EffectRefused(f"the database refused: {refusal}; nothing was activated") from refusal
            raise
        if row is None:
            raise LookupError(f"activate_policy answered nothing for action {action_id}")
        number: int = row["number"]
        return number
