"""The ledger's maths: a worked example, and every change of a chain is found where it is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from domain.errors import InvalidRequest, LedgerBroken
from domain.ledger import (
    EMPTY,
    GENESIS,
    SYSTEM,
    Actor,
    ActorKind,
    EntryKind,
    Head,
    Link,
    Secret,
    check_link,
    entry,
    extend,
)

AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
CLERK = Actor(kind=ActorKind.AGENT, id="clerk", door="api")


def test_a_worked_example() -> None:
    submission = Secret(name="submission", salt=b"\x01" * 32, content=b"{}")
    first = entry(
        "a1/action.requested",
        EntryKind.ACTION_REQUESTED,
        AT,
        CLERK,
        {"digest": "sha256:00"},
        action="a1",
        secrets=[submission],
    )
    second = entry("a1/action.denied", EntryKind.ACTION_DENIED, AT, SYSTEM, {"because": "no"}, action="a1")

    # commitment = SHA-256(salt || text)
    assert submission.commitment == "sha256:5ef179ff4a27db7045b2d744438932f9689ffaf482eeeb4b1a51740c7d909555"
    assert first.body == (
        b'{"action":"a1","actor":{"door":"api","id":"clerk","kind":"agent"},'
        b'"at":"2026-03-02T10:00:00.123456+00:00",'
        b'"commitments":{"submission":"sha256:5ef179ff4a27db7045b2d744438932f9689ffaf482eeeb4b1a51740c7d909555"},'
        b'"data":{"digest":"sha256:00"},"key":"a1/action.requested","kind":"action.requested","v":1}'
    )
    assert second.body == (
        b'{"action":"a1","actor":{"door":"workflow","id":"remit","kind":"system"},'
        b'"at":"2026-03-02T10:00:00.123456+00:00",'
        b'"data":{"because":"no"},"key":"a1/action.denied","kind":"action.denied","v":1}'
    )
    # H(0) = SHA-256("remit ledger v1"), E = SHA-256(0x00 || entry), H(n) = SHA-256(0x01 || H(n-1) || n || E(n))
    assert GENESIS.hex() == "86440c4938ed0fd2ef3fa86977ef768bc2c2c10e4f75d3b5e796ef934695ad52"
    assert [(str(head), hashed.hex()) for head, hashed in extend(EMPTY, [first.body, second.body])] == [
        (
            "1:3dc597dcb8d7372ecd92bd7859f6d5a71927182bacfeb4f72056abe2909f4779",
            "efff8c5b7c0cac520fee8f916aa99b425c26ae6cdcd033e1e7f17360a7e36841",
        ),
        (
            "2:ebec25b8b8ab18faa29be4c13158cb9dd589b28bc4cdf3cb9402bf8352c2346f",
            "67140892d27785f471f02352d8e28ef8ea6eae82373995dbafff36f513cf1df6",
        ),
    ]


def test_times_are_written_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    one = entry("k", EntryKind.TOKEN_CREATED, AT, SYSTEM, {})
    other = entry("k", EntryKind.TOKEN_CREATED, elsewhere, SYSTEM, {})

    assert one.body == other.body


def test_an_erasable_text_is_not_in_the_entry_and_its_commitment_depends_on_its_salt() -> None:
    reason = b"the customer is ill"
    one, other = (Secret(name="reason", salt=salt * 32, content=reason) for salt in (b"a", b"b"))

    written = entry("k", EntryKind.VOTE_ACCEPTED, AT, SYSTEM, {}, secrets=[one])

    assert reason not in written.body
    assert one.commitment.encode() in written.body
    assert one.commitment != other.commitment


def test_what_has_no_canonical_form_cannot_be_written_down() -> None:
    with pytest.raises(InvalidRequest):
        entry("k", EntryKind.TOKEN_CREATED, AT, SYSTEM, {"amount": 2**60})


def chain(bodies: Sequence[bytes]) -> list[Link]:
    """Return the chain over some entries, as it is stored."""
    return [
        Link(number=head.size, key=f"k{head.size}", body=body, entry_hash=hashed, chain_hash=head.hash)
        for body, (head, hashed) in zip(bodies, extend(EMPTY, bodies), strict=True)
    ]


def check(links: Sequence[Link]) -> Head:
    """Check a chain from its beginning."""
    head = EMPTY
    for link in links:
        head = check_link(head, link)
    return head


def broken(links: Sequence[Link]) -> str:
    """Check a chain that is broken and return what is said about it."""
    with pytest.raises(LedgerBroken) as found:
        check(links)
    return str(found.value)


BODIES = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6, unique=True)
LONGER = st.lists(st.binary(min_size=1, max_size=40), min_size=3, max_size=8, unique=True)


@given(BODIES)
def test_an_untouched_chain_is_whole(bodies: list[bytes]) -> None:
    links = chain(bodies)

    assert check(links) == Head(size=len(bodies), hash=links[-1].chain_hash)


@settings(max_examples=50, deadline=None)
@given(BODIES, st.integers(1, 255))
def test_any_changed_byte_is_found_at_its_entry(bodies: list[bytes], change: int) -> None:
    links = chain(bodies)
    for place, link in enumerate(links):
        for field in ("body", "entry_hash", "chain_hash"):
            for offset in range(len(getattr(link, field))):
                data = bytearray(getattr(link, field))
                data[offset] ^= change
                changed = [*links[:place], link.model_copy(update={field: bytes(data)}), *links[place + 1 :]]
                assert broken(changed).startswith(f"entry {link.number} ("), (field, offset)


@given(LONGER, st.data())
def test_a_body_and_its_hash_changed_together_are_found_too(bodies: list[bytes], data: st.DataObject) -> None:
    links = chain(bodies)
    place = data.draw(st.integers(0, len(links) - 1))
    other = chain([*bodies[:place], bodies[place] + b"!"])[place]
    forged = links[place].model_copy(update={"body": other.body, "entry_hash": other.entry_hash})

    assert broken([*links[:place], forged, *links[place + 1 :]]).startswith(f"entry {place + 1} ")


@given(LONGER, st.data())
def test_a_whole_row_forged_is_found_at_the_next_entry(bodies: list[bytes], data: st.DataObject) -> None:
    links = chain(bodies)
    place = data.draw(st.integers(0, len(links) - 2))
    forged = chain([*bodies[:place], bodies[place] + b"!"])[place]

    said = broken([*links[:place], forged, *links[place + 1 :]])

    assert said == f"entry {place + 2} (k{place + 2}) does not follow from the entry before it"


@given(LONGER, st.data())
def test_a_missing_link_is_named(bodies: list[bytes], data: st.DataObject) -> None:
    links = chain(bodies)
    place = data.draw(st.integers(0, len(links) - 2))

    said = broken([*links[:place], *links[place + 1 :]])

    assert said == f"entry {place + 1} is missing: the chain goes on at entry {place + 2} (k{place + 2})"


@given(LONGER, st.data())
def test_a_link_that_is_put_in_is_found(bodies: list[bytes], data: st.DataObject) -> None:
    links = chain(bodies)
    place = data.draw(st.integers(0, len(links) - 1))
    extra = chain([*bodies[:place], b"an entry nobody wrote"])[place]
    rest = [link.model_copy(update={"number": link.number + 1}) for link in links[place:]]

    assert broken([*links[:place], extra, *rest]).startswith(f"entry {place + 2} (")


@given(LONGER, st.data())
def test_entries_that_change_places_are_found_at_the_first(bodies: list[bytes], data: st.DataObject) -> None:
    links = chain(bodies)
    one, other = sorted(data.draw(st.lists(st.integers(0, len(links) - 1), min_size=2, max_size=2, unique=True)))
    swapped = list(links)
    for place, source in ((one, other), (other, one)):
        swapped[place] = links[source].model_copy(
            update={"number": place + 1, "chain_hash": links[place].chain_hash, "key": links[place].key}
        )

    assert broken(swapped) == f"entry {one + 1} (k{one + 1}) does not follow from the entry before it"


@given(LONGER, st.data())
def test_an_entry_whose_bytes_are_gone_is_named(bodies: list[bytes], data: st.DataObject) -> None:
    links = chain(bodies)
    place = data.draw(st.integers(0, len(links) - 1))
    links[place] = links[place].model_copy(update={"body": None})

    assert broken(links).startswith(f"entry {place + 1} (k{place + 1}) was deleted")


def test_a_chain_that_starts_elsewhere_is_found() -> None:
    links = chain([b"one", b"two"])
    foreign = [
        Link(number=head.size, key="f", body=body, entry_hash=hashed, chain_hash=head.hash)
        for body, (head, hashed) in zip(
            [b"one", b"two"], extend(Head(size=0, hash=b"\0" * 32), [b"one", b"two"]), strict=True
        )
    ]

    assert check(links).size == 2
    assert broken(foreign) == "entry 1 (f) does not follow from the entry before it"


def test_a_link_cannot_pass_as_an_entry() -> None:
    (link,) = chain([b"one"])
    preimage = b"\x01" + GENESIS + (1).to_bytes(8, "big") + link.entry_hash

    (as_entry,) = chain([preimage[1:]])

    assert as_entry.entry_hash != link.chain_hash
