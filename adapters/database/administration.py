"""What an operator changes, each with its ledger entry: the active bundle and the tokens."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from adapters.database.policies import Policies, bundle_bytes
from adapters.database.tokens import TokenKind, Tokens
from domain import policy_change
from domain.canonical import digest
from domain.catalog import Bundle
from domain.errors import Forbidden, NotFound
from domain.ledger import Actor, ActorKind, Entry, EntryKind, entry


async def activate_bundle(pool: "asyncpg.Pool[asyncpg.Record]", bundle: Bundle, by: str) -> bool:
    """Make a checked bundle the active one. False when it was active already."""
    policies = Policies(pool)
    name = digest(bundle_bytes(bundle))
    active = await policies.active()
    if active is not None and active.digest == name:
        return False
    written = _written(EntryKind.POLICY_ACTIVATED, by, {"about": name, "version": bundle.version})
    await policies.activate(bundle, by, datetime.now(UTC), written)
    return True


async def bootstrap_bundle(pool: "asyncpg.Pool[asyncpg.Record]", bundle: Bundle, by: str) -> bool:
    """Make a checked bundle the active one where nobody has to be asked: the first, and after one that names nobody.

    False when it was active already. Raises Forbidden when the active bundle says who approves its changes.
    """
    policies = Policies(pool)
    active = await policies.active()
    if active is not None and active.digest != digest(bundle_bytes(bundle)):
        current = (await policies.load(active.digest)).bundle
        if policy_change.is_governed(current):
            raise Forbidden(
                f"version {current.version} of bundle '{current.id}' is active, and changing it is itself an action "
                "that people approve: remit policy propose DIR --reason WHY"
            )
    return await activate_bundle(pool, bundle, by)


async def create_token(pool: "asyncpg.Pool[asyncpg.Record]", kind: TokenKind, subject: str, by: str) -> str:
    """Make a token and return its secret, which cannot be seen again."""
    token_id = secrets.token_hex(6)
    written = _written(EntryKind.TOKEN_CREATED, by, {"about": token_id, "kind": kind.value, "subject": subject})
    return await Tokens(pool).create(token_id, kind, subject, datetime.now(UTC), written)


async def revoke_token(pool: "asyncpg.Pool[asyncpg.Record]", token_id: str, by: str) -> None:
    """Revoke a token at once. Raises NotFound when there is none in force under this id."""
    written = _written(EntryKind.TOKEN_REVOKED, by, {"about": token_id})
    if not await Tokens(pool).revoke(token_id, datetime.now(UTC), written):
        raise NotFound(f"no token '{token_id}' in force; `remit token list` shows which there are")


def _written(kind: EntryKind, by: str, data: Mapping[str, str]) -> Entry:
    actor = Actor(kind=ActorKind.ADMIN, id=by, door="cli")
    key = f"{kind.value}/{data['about']}/{secrets.token_hex(4)}"
    return entry(key, kind, datetime.now(UTC), actor, dict(data))
