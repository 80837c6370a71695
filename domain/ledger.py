"""The ledger's maths: entries as bytes, and a hash chain over those bytes.

An entry is canonical JSON (RFC 8785), hashed exactly as it is stored and never written again to be checked:

    entry hash   E = SHA-256(0x00 || entry bytes)
    chain hash   H(n) = SHA-256(0x01 || H(n-1) || n as 8 bytes, big endian || E(n))      n = 1, 2, 3, ...
                 H(0) = SHA-256("remit ledger v1")

The leading byte keeps an entry from passing as a chain link (RFC 6962 section 2.1 separates its leaves and
nodes the same way). Free text and arguments are not in the entry: it holds their commitment,
SHA-256(salt || text), while salt and text stand in a row beside it that can be erased.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from domain.action import Frozen
from domain.canonical import canonical_bytes
from domain.errors import LedgerBroken

GENESIS = hashlib.sha256(b"remit ledger v1").digest()
SCHEMA = 1


class ActorKind(StrEnum):
    """Who did it."""

    AGENT = "agent"
    PERSON = "person"
    ADMIN = "admin"
    SYSTEM = "system"


class EntryKind(StrEnum):
    """What happened."""

    ACTION_REQUESTED = "action.requested"
    ACTION_REFUSED = "action.refused"
    ACTION_ASSESSED = "action.assessed"
    ACTION_DENIED = "action.denied"
    ACTION_SUGGESTED = "action.suggested"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_REMINDED = "approval.reminded"
    APPROVAL_ESCALATED = "approval.escalated"
    APPROVAL_POSTPONED = "approval.postponed"
    APPROVAL_ESCALATION_SKIPPED = "approval.escalation_skipped"
    APPROVAL_RETURNED = "approval.returned"
    APPROVAL_ANSWERED = "approval.answered"
    APPROVAL_REASSIGNED = "approval.reassigned"
    APPROVAL_SNOOZED = "approval.snoozed"
    APPROVAL_EXTENDED = "approval.extended"
    APPROVAL_APPROVED = "approval.approved"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_EXPIRED = "approval.expired"
    APPROVAL_CANCELLED = "approval.cancelled"
    APPROVAL_VOID = "approval.void"
    VOTE_ACCEPTED = "vote.accepted"
    VOTE_REFUSED = "vote.refused"
    CANCEL_REFUSED = "cancel.refused"
    REQUEST_REFUSED = "request.refused"
    CLICK_REFUSED = "click.refused"
    REVISION_MADE = "revision.made"
    REVISION_REFUSED = "revision.refused"
    EXECUTION_INTENDED = "execution.intended"
    EXECUTION_SUCCEEDED = "execution.succeeded"
    EXECUTION_FAILED = "execution.failed"
    EXECUTION_IN_DOUBT = "execution.in_doubt"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
    ABSENCE_DECLARED = "absence.declared"
    ABSENCE_ENDED = "absence.ended"
    POLICY_ACTIVATED = "policy.activated"
    CANARY_PLANTED = "canary.planted"
    CANARY_CAUGHT = "canary.caught"
    CANARY_MISSED = "canary.missed"
    TOKEN_CREATED = "token.created"  # noqa: S105  a kind of entry
    TOKEN_REVOKED = "token.revoked"  # noqa: S105


class Actor(Frozen):
    """Who an entry is about: kind, stable id and the door they came through."""

    kind: ActorKind
    id: str
    door: str


SYSTEM = Actor(kind=ActorKind.SYSTEM, id="remit", door="workflow")


class Secret(Frozen):
    """A text that is committed to and can be erased: its name in the entry, its salt and its bytes."""

    name: str
    salt: bytes
    content: bytes

    @property
    def commitment(self) -> str:
        """What stands in the entry for it."""
        return "sha256:" + hashlib.sha256(self.salt + self.content).hexdigest()


class Entry(Frozen):
    """One event, as bytes. `key` makes writing it twice harmless."""

    key: str
    kind: EntryKind
    action: str | None
    at: datetime
    body: bytes
    secrets: list[Secret] = []


def entry(
    key: str,
    kind: EntryKind,
    at: datetime,
    actor: Actor,
    data: dict[str, Any],
    action: str | None = None,
    secrets: list[Secret] | None = None,
) -> Entry:
    """Write one event down: everything a reader needs, in canonical JSON."""
    body = {
        "v": SCHEMA,
        "key": key,
        "kind": kind.value,
        "action": action,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor.model_dump(mode="json"),
        "data": data,
    }
    if secrets:
        body["commitments"] = {secret.name: secret.commitment for secret in secrets}
    return Entry(key=key, kind=kind, action=action, at=at, body=canonical_bytes(body), secrets=secrets or [])


def entry_hash(body: bytes) -> bytes:
    """Return E, the hash of an entry's bytes."""
    return hashlib.sha256(b"\x00" + body).digest()


def chain_hash(previous: bytes, number: int, hashed: bytes) -> bytes:
    """Return H(number), which binds an entry hash to its place and to everything before it."""
    return hashlib.sha256(b"\x01" + previous + number.to_bytes(8, "big") + hashed).digest()


class Head(Frozen):
    """Where the chain ends: how many entries, and the hash that stands for all of them."""

    size: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.size}:{self.hash.hex()}"


class Link(Frozen):
    """One row of the chain as it is stored; `body` is None when the entry it points to is gone."""

    number: int
    key: str
    body: bytes | None
    entry_hash: bytes
    chain_hash: bytes


def extend(head: Head, bodies: Iterable[bytes]) -> Iterator[tuple[Head, bytes]]:
    """Yield the head after each entry, with the entry's hash."""
    for body in bodies:
        hashed = entry_hash(body)
        head = Head(size=head.size + 1, hash=chain_hash(head.hash, head.size + 1, hashed))
        yield head, hashed


def check_link(head: Head, link: Link) -> Head:
    """Return the head after `link`.

    Raises LedgerBroken naming the entry when it is missing, changed, or not in its place.
    """
    where = f"entry {link.number} ({link.key})"
    if link.number != head.size + 1:
        raise LedgerBroken(f"entry {head.size + 1} is missing: the chain goes on at {where}")
    if link.body is None:
        raise LedgerBroken(f"{where} was deleted: the chain has its hash, the ledger has no bytes for it")
    if entry_hash(link.body) != link.entry_hash:
        raise LedgerBroken(f"{where} was changed: its bytes do not have the hash in the chain")
    expected = chain_hash(head.hash, link.number, link.entry_hash)
    if expected != link.chain_hash:
        raise LedgerBroken(f"{where} does not follow from the entry before it")
    return Head(size=link.number, hash=expected)


EMPTY = Head(size=0, hash=GENESIS)
