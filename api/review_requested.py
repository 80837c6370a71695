"""What a person is told after an edit, a reassignment, a snooze or an extension, read back from the ledger."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from adapters.database.ledger import StoredEntry
from api.review_receipt import REFUSED, Notice, sentence
from domain.canonical import canonical_bytes
from domain.catalog import Person
from domain.errors import InvalidArguments, InvalidRequest, Refusal, RefusalCode, TooLarge, Unavailable
from domain.ledger import EntryKind

_DONE = {
    EntryKind.REVISION_MADE: ("Your edit was made", "People are asked about it now. Votes on the one before are void."),
    EntryKind.APPROVAL_REASSIGNED: ("You handed it on", "Everybody who was asked may still decide."),
    EntryKind.APPROVAL_SNOOZED: ("The reminder is put off", "Nobody else is asked later for it; the deadline stays."),
    EntryKind.APPROVAL_EXTENDED: ("The deadline has moved", "It cannot be moved again."),
}


def request_id(person: Person, nonce: str, content: list[str]) -> str:
    """Name a request of a form by the person, the form and what it says: sent twice as it is, it is one."""
    named = hashlib.sha256(canonical_bytes([nonce, *content])).hexdigest()[:32]
    return f"page-{person.id}-{named}"


def notice_of_request(
    entries: Sequence[StoredEntry], person: Person, named: str, refused: RefusalCode | None
) -> Notice | None:
    """Return what to tell a person about what they asked for, from its ledger entry.

    `refused` comes from the address. It is used only for a refusal that left no entry, and no address can claim that
    something was done.
    """
    wanted = f"page-{person.id}-{named}"
    said = next((body for body in map(_body, entries) if _is_request(body, person, wanted)), None)
    if said is None:
        return refusal_told(refused, "") if refused is not None else None
    if (done := _DONE.get(said["kind"])) is not None:
        title, text = done
        return Notice(good=True, title=title, text=text)
    return refusal_told(RefusalCode(said["data"]["code"]), said["data"]["message"])


def refusal_told(code: RefusalCode, message: str) -> Notice:
    """Return what to tell a person whose request was refused."""
    title, advice = REFUSED[code]
    return Notice(good=False, title=title, text=f"{sentence(message) if message else 'Nothing was changed.'} {advice}")


def not_done(problem: InvalidRequest | InvalidArguments | TooLarge | Refusal) -> Notice:
    """Return what to tell a person whose edit could not be made as it was typed; the form still holds it."""
    message = problem.message if isinstance(problem, Refusal) else str(problem)
    text = f"{sentence(message)} Nothing was changed. What you typed still stands in the form."
    return Notice(good=False, title="Your edit was not made", text=text)


def not_known(problem: Unavailable) -> Notice:
    """Return what to tell a person when nobody could say whether what they asked for was done."""
    text = f"{sentence(str(problem))} Wait a moment and send it again: sent twice as it is, it is done once."
    return Notice(good=False, title="It is not known yet whether it was done", text=text)


def _is_request(body: dict[str, Any], person: Person, wanted: str) -> bool:
    named: bool = body["data"].get("request") == wanted or body["key"].endswith(f"/{wanted}")
    by: str = body["actor"]["id"]
    return named and by == person.id


def _body(stored: StoredEntry) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stored.body)
    return body
