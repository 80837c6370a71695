"""What the ledger says of a request, so that it reads the same whoever writes it."""

import json

from domain.action import Action
from domain.canonical import canonical_bytes
from domain.ledger import Actor, ActorKind, Entry, EntryKind, Secret, entry


def requested_entry(action: Action, key: str, token: str, request_digest: str, salt: bytes) -> Entry:
    """Return the entry of an action as its agent asked for it: what it said is committed to and can be erased."""
    said = {"arguments": json.loads(action.arguments_bytes), "context": action.context.model_dump(mode="json")}
    data = {
        "use_case": action.use_case,
        "action_type": action.action_type,
        "digest": action.digest,
        "request": request_digest,
        "idempotency_key": key,
        "token": token,
    }
    actor = Actor(kind=ActorKind.AGENT, id=action.agent, door="api")
    kept = [Secret(name="submission", salt=salt, content=canonical_bytes(said))]
    kind = EntryKind.ACTION_REQUESTED
    return entry(f"{action.id}/{kind.value}", kind, action.created_at, actor, data, action=action.id, secrets=kept)
