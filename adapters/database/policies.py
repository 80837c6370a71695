"""Policy bundles in PostgreSQL: every bundle that was ever active, and which one is active now."""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Protocol

import asyncpg
from prometheus_client import Gauge, Histogram

from adapters.database.connection import database_errors
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from domain.action import Frozen
from domain.canonical import canonical_bytes, digest
from domain.catalog import Absence, Bundle
from domain.errors import PolicyUnavailable
from domain.ledger import Entry
from domain.policy import Policy

_ACTIVATE = f"""
WITH stored AS (
    INSERT INTO policy_bundle (digest, version, document) VALUES ($10, $11, $12) ON CONFLICT (digest) DO NOTHING
), changed AS (
    INSERT INTO policy_activation (digest, activated_by, activated_at) VALUES ($10, $13, $14) RETURNING number
), {ENTRY_INSERTS}
SELECT number FROM changed"""

_ACTIVE = "SELECT digest, activated_at FROM policy_activation ORDER BY number DESC LIMIT 1"

INFO = Gauge("remit_policy_info", "1 for the bundle this process judges by", ["version", "digest"])
DELAY = Histogram(
    "remit_policy_activation_delay_seconds",
    "From the activation of a bundle until this process judged by it",
    buckets=(0.5, 1, 2, 3, 5, 10, 30, 60, 300),
)


def bundle_bytes(bundle: Bundle) -> bytes:
    """Return the canonical bytes of a bundle: what its digest is taken over."""
    return canonical_bytes(bundle.model_dump(mode="json"))


class Active(Frozen):
    """Which bundle is active, and since when."""

    digest: str
    since: datetime


class Activation(Frozen):
    """One time a bundle became the active one; `action` is the approved change that did it, None for an operator's."""

    number: int
    digest: str
    version: str
    activated_by: str
    activated_at: datetime
    action: str | None


class Policies:
    """The store of bundles, for reading what is active and, as owner, for activating another."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def active(self) -> Active | None:
        """Return the active bundle's digest and since when it is active, None on an installation without one."""
        with database_errors():
            row = await self._pool.fetchrow(_ACTIVE)
        return Active(digest=row["digest"], since=row["activated_at"]) if row else None

    async def activations(self, limit: int) -> list[Activation]:
        """Return when which bundle became active and by whom, newest first: the first one is active now."""
        statement = """SELECT number, digest, version, activated_by, activated_at, action
            FROM policy_activation JOIN policy_bundle USING (digest) ORDER BY number DESC LIMIT $1"""
        with database_errors():
            return [Activation.model_validate(dict(row)) for row in await self._pool.fetch(statement, limit)]

    async def load(self, wanted: str) -> Policy:
        """Return the bundle of this digest, compiled. Its bytes are checked against the digest first.

        It was checked as a whole when it was stored. It is not again: neither a day that has passed nor a check that
        is new may stop an installation.
        """
        with database_errors():
            document = await self._pool.fetchval("SELECT document FROM policy_bundle WHERE digest = $1", wanted)
        if document is None or digest(document) != wanted:
            raise PolicyUnavailable(f"the policy bundle {wanted} is missing or was changed in the database")
        return Policy(Bundle.model_validate_json(document), wanted)

    async def activate(self, bundle: Bundle, by: str, at: datetime, entry: Entry) -> None:
        """Store a bundle and make it the active one, with its ledger entry."""
        document = bundle_bytes(bundle)
        with database_errors():
            await self._pool.execute(
                _ACTIVATE, *entry_parameters([entry]), digest(document), bundle.version, document, by, at
            )


class Memberships(Protocol):
    """Who belongs to which Slack user group."""

    async def confirmed(self) -> Mapping[str, Collection[str]]:
        """Return the Slack users of each user group whose members are known well enough to count."""


class DeclaredAbsences(Protocol):
    """Who declared to be away."""

    async def declared(self) -> Mapping[str, Absence]:
        """Return the absences that are not over, by person."""


class CurrentPolicy:
    """The active policy as this process knows it: looked up again when older than `max_age` seconds.

    Its groups have the people of their Slack user groups, as far as `memberships` has them confirmed, and its people
    the `absences` that they declared themselves.
    """

    def __init__(
        self,
        policies: Policies,
        max_age: float,
        clock: Callable[[], float] = time.monotonic,
        memberships: Memberships | None = None,
        absences: DeclaredAbsences | None = None,
    ) -> None:
        self._policies = policies
        self._max_age = max_age
        self._clock = clock
        self._memberships = memberships
        self._absences = absences
        self._policy: Policy | None = None
        self._checked_at = float("-inf")

    async def current(self) -> Policy:
        """Return the active policy.

        Raises PolicyUnavailable when there is none, DatabaseUnavailable when it cannot be looked up in time:
        a process that cannot know the policy decides nothing.
        """
        now = self._clock()
        if self._policy is None or now - self._checked_at >= self._max_age:
            active = await self._policies.active()
            if active is None:
                raise PolicyUnavailable("no policy bundle is active; load one with: remit policy activate DIR")
            policy = self._policy
            if policy is None or policy.ref.digest != active.digest:
                policy = await self._policies.load(active.digest)
                _show(policy, active.since if self._policy is not None else None)
            if self._memberships is not None and any(group.slack_usergroup for group in policy.bundle.groups):
                policy = policy.with_usergroups(await self._memberships.confirmed())
            if self._absences is not None:
                policy = policy.with_absences(await self._absences.declared())
            self._policy, self._checked_at = policy, now
        return self._policy


def _show(policy: Policy, since: datetime | None) -> None:
    """Show which bundle this process judges by. `since` is when it became active, while this process used another."""
    INFO.clear()
    INFO.labels(policy.ref.version, policy.ref.digest).set(1)
    if since is not None:
        DELAY.observe(max(0.0, (datetime.now(UTC) - since).total_seconds()))
