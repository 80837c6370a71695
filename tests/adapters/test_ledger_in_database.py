"""The ledger on real PostgreSQL: nobody changes it unnoticed, nothing is left out of the chain."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.database.actions import Actions
from adapters.database.ledger import Ledger, Sequencer
from domain.action import State
from domain.errors import LedgerBroken, NotFound
from domain.ledger import Entry, EntryKind, Head
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, Database, fresh_database, refund, written

ENTRIES = 6


async def filled(database: Database, entries: list[Entry] | None = None) -> Database:
    """Write six entries, the third and fifth with a text beside them, and chain them."""
    kept = {3: {"reason": "not theirs"}, 5: {"prompt": "please", "output": "done"}}
    async with database.pool() as pool:
        for item in entries or [written(n, kept=kept.get(n)) for n in range(1, ENTRIES + 1)]:
            await Ledger(pool).append([item])
    await database.sequence()
    return database


@pytest.fixture
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def ledger(database: Database) -> Database:
    return await filled(database)


@pytest.fixture(scope="module")
async def untouched(shared_postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A filled ledger for tests in which every change is refused."""
    database = await filled(await fresh_database(shared_postgres))
    yield database
    assert (await database.verify()).head.size == ENTRIES


LEDGER_TABLES = ("ledger_entry", "ledger_chain")
CHANGES = [
    "UPDATE ledger_entry SET kind = 'vote.refused'",
    "UPDATE ledger_entry SET body = 'x'",
    "UPDATE ledger_chain SET number = number + 1",
    *(f"DELETE FROM {table}" for table in LEDGER_TABLES),
    *(f"TRUNCATE {table}" for table in LEDGER_TABLES),
]
CHAIN_INSERT = (
    "INSERT INTO ledger_chain VALUES (99, 99, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'))"
)
ENTRY_INSERT = "INSERT INTO ledger_entry (key, kind, at, body) VALUES ('k', 'k', now(), 'x')"


@pytest.mark.parametrize(
    "statement",
    [
        *CHANGES,
        CHAIN_INSERT,
        "INSERT INTO ledger_pending VALUES (1)",
        "DELETE FROM ledger_pending",
        "UPDATE ledger_secret SET content = 'x'",
        "DELETE FROM ledger_secret",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE ledger_chain",
        "SELECT ledger_enqueue()",
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "INSERT INTO policy_activation (digest, activated_by, activated_at) VALUES ('d', 'me', now())",
        "INSERT INTO token VALUES ('t', 'admin', 'me', 'x', now())",
        "DELETE FROM action",
    ],
)
async def test_the_application_may_not_change_what_proves(untouched: Database, statement: str) -> None:
    async with untouched.connection("remit_app") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize("statement", [*CHANGES, ENTRY_INSERT, "SELECT content FROM ledger_secret"])
async def test_the_sequencer_may_only_extend_the_chain(untouched: Database, statement: str) -> None:
    async with untouched.connection("remit_sequencer") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("role", ["remit_owner", "postgres"])
async def test_a_trigger_stops_even_the_owner(untouched: Database, role: str, statement: str) -> None:
    async with untouched.connection(role) as connection:
        with pytest.raises(asyncpg.RaiseError, match="the ledger is append-only"):
            await connection.execute(statement)


async def test_an_entry_written_twice_stands_there_once(database: Database) -> None:
    async with database.pool() as pool:
        for _ in range(2):
            await Ledger(pool).append([written(1, kept={"reason": "because"})])

    assert await database.sequence() == 1
    assert (await database.verify()).head.size == 1


async def test_entries_of_many_writers_are_chained_without_a_gap_by_two_sequencers(database: Database) -> None:
    writers, each = 20, 8
    chained: list[int] = []

    async def write(pool: "asyncpg.Pool[asyncpg.Record]", writer: int) -> None:
        for number in range(each):
            await Ledger(pool).append([written(number, f"w{writer}"), written(number, f"x{writer}")])

    async def sequence(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        while sum(chained) < 2 * writers * each:
            chained.append(await Sequencer(pool).run_once())

    async with (
        database.pool(size=8) as pool,
        database.pool("remit_sequencer", 2) as one,
        database.pool("remit_sequencer", 2) as other,
        asyncio.timeout(30),
    ):
        await asyncio.gather(sequence(one), sequence(other), *(write(pool, n) for n in range(writers)))

    found = await database.verify()
    assert (found.head.size, found.waiting) == (2 * writers * each, 0)


async def test_an_entry_that_is_committed_late_still_gets_its_place(database: Database) -> None:
    async with database.connection("remit_app") as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(
            "INSERT INTO ledger_entry (key, kind, action, at, body) VALUES ($1, $2, $3, $4, $5)",
            *_columns(written(1, "slow")),
        )
        await filled(database, [written(1, "fast")])
        await transaction.commit()

    assert await database.sequence() == 1
    assert (await database.verify()).head.size == 2


def _columns(item: Entry) -> tuple[object, ...]:
    return item.key, item.kind.value, item.action, item.at, item.body


async def test_more_than_one_batch_is_chained_in_order(database: Database) -> None:
    async with database.pool() as pool:
        await Ledger(pool).append([written(number) for number in range(2050)])
    async with database.pool("remit_sequencer", 2) as pool:
        sequencer = Sequencer(pool)
        sizes = [await sequencer.run_once() for _ in range(3)]

    assert sizes == [2000, 50, 0]
    assert (await database.verify()).head.size == 2050


async def test_a_reader_gets_an_actions_entries_with_their_places(database: Database) -> None:
    await filled(database, [written(1, "a"), written(1, "b"), written(2, "a")])
    async with database.pool() as pool:
        await Ledger(pool).append([written(3, "a")])
        found = await Ledger(pool).of_action("a")

    assert [stored.number for stored in found] == [1, 3, None]
    assert [stored.body for stored in found] == [written(n, "a").body for n in (1, 2, 3)]
    assert [stored.chain_hash is None for stored in found] == [False, False, True]


async def test_a_whole_ledger_verifies_and_what_waits_is_counted(ledger: Database) -> None:
    async with ledger.pool() as pool:
        await Ledger(pool).append([written(7)])

    found = await ledger.verify()

    assert (found.head.size, found.waiting, found.erased) == (ENTRIES, 1, 0)


async def test_an_empty_ledger_verifies(database: Database) -> None:
    assert str((await database.verify()).head).startswith("0:")


# What is done behind our backs to six entries a/1 to a/6, and what verify says first.
TAMPERING = {
    "an entry's bytes changed": (
        ["UPDATE ledger_entry SET body = replace(encode(body, 'escape'), 'ann', 'bob')::bytea WHERE key = 'a/2'"],
        r"^entry 2 \(a/2\) was changed: its bytes do not have the hash in the chain$",
    ),
    "a kind changed in its column": (
        ["UPDATE ledger_entry SET kind = 'vote.refused' WHERE key = 'a/4'"],
        r"^entry 4 \(a/4\) has columns that differ from its bytes$",
    ),
    "an action changed in its column": (
        ["UPDATE ledger_entry SET action = 'b' WHERE key = 'a/1'"],
        r"^entry 1 \(a/1\) has columns that differ",
    ),
    "an action taken out of its column": (
        ["UPDATE ledger_entry SET action = NULL WHERE key = 'a/1'"],
        r"^entry 1 \(a/1\) has columns that differ",
    ),
    "a time changed in its column": (
        ["UPDATE ledger_entry SET at = at - interval '1 day' WHERE key = 'a/6'"],
        r"^entry 6 \(a/6\) has columns that differ",
    ),
    "a key changed": (
        ["UPDATE ledger_entry SET key = 'z/1' WHERE key = 'a/1'"],
        r"^entry 1 \(z/1\) has columns that differ",
    ),
    "an entry deleted": (
        ["DELETE FROM ledger_entry WHERE key = 'a/3'"],
        r"^entry 3 \(deleted\) was deleted: the chain has its hash",
    ),
    "a link deleted": (
        ["DELETE FROM ledger_chain WHERE number = 3"],
        r"^entry 3 is missing: the chain goes on at entry 4 \(a/4\)$",
    ),
    "the first link deleted": (["DELETE FROM ledger_chain WHERE number = 1"], "^entry 1 is missing"),
    "the last link deleted": (
        [f"DELETE FROM ledger_chain WHERE number = {ENTRIES}"],
        "^entry a/6 is neither in the chain nor waiting for it$",
    ),
    "entry and link deleted together": (
        [
            "DELETE FROM ledger_entry WHERE key = 'a/3'",
            "DELETE FROM ledger_chain WHERE number = 3",
        ],
        "^entry 3 is missing",
    ),
    "entry and link deleted and the rest numbered anew": (
        [
            "DELETE FROM ledger_entry WHERE key = 'a/3'",
            "DELETE FROM ledger_chain WHERE number = 3",
            *(f"UPDATE ledger_chain SET number = {n - 1} WHERE number = {n}" for n in range(4, ENTRIES + 1)),
        ],
        r"^entry 3 \(a/4\) does not follow from the entry before it$",
    ),
    "two entries swapped": (
        [
            "CREATE TEMP TABLE two AS SELECT * FROM ledger_entry WHERE key IN ('a/2', 'a/4')",
            "UPDATE ledger_entry SET key = 'swap/' || id WHERE key IN ('a/2', 'a/4')",
            "UPDATE ledger_entry e SET (key, at, body) = (SELECT key, at, body FROM two WHERE two.id <> e.id)"
            " WHERE e.id IN (SELECT id FROM two)",
        ],
        r"^entry 2 \(a/4\) was changed",
    ),
    "two places swapped": (
        [
            "UPDATE ledger_chain SET entry_id = -1 WHERE number = 2",
            "UPDATE ledger_chain SET entry_id = 2 WHERE number = 4",
            "UPDATE ledger_chain SET entry_id = 4 WHERE number = 2",
        ],
        r"^entry 2 \(a/4\) was changed",
    ),
    "an entry and its hash forged": (
        [
            "UPDATE ledger_entry SET body = 'x' WHERE key = 'a/5'",
            "UPDATE ledger_chain SET entry_hash = sha256('\\x0078') WHERE number = 5",
        ],
        r"^entry 5 \(a/5\) does not follow",
    ),
    "a text beside an entry changed": (
        ["UPDATE ledger_secret SET content = 'theirs' WHERE entry_key = 'a/3'"],
        "^entry a/3: the text 'reason' beside it was changed$",
    ),
    "a salt beside an entry changed": (
        ["UPDATE ledger_secret SET salt = '' WHERE entry_key = 'a/5' AND name = 'output'"],
        "^entry a/5: the text 'output' beside it was changed$",
    ),
    "a text put beside an entry that has none": (
        ["INSERT INTO ledger_secret VALUES ('a/1', 'reason', '', 'I was never asked')"],
        "^entry a/1: the text 'reason' beside it was changed$",
    ),
    "a text put beside no entry": (
        ["INSERT INTO ledger_secret VALUES ('a/99', 'reason', '', 'nowhere')"],
        "^entry a/99: the text 'reason' beside it was changed$",
    ),
    "an entry that never waited for its place": (
        ["INSERT INTO ledger_entry (key, kind, at, body) VALUES ('a/7', 'vote.accepted', now(), 'x')"],
        "^entry a/7 is neither in the chain nor waiting for it$",
    ),
    "everything but the entries deleted": (
        ["DELETE FROM ledger_chain"],
        "^entry a/1 is neither in the chain nor waiting for it$",
    ),
}


@pytest.mark.parametrize(("statements", "said"), TAMPERING.values(), ids=TAMPERING.keys())
async def test_verify_names_the_first_broken_entry(ledger: Database, statements: list[str], said: str) -> None:
    await ledger.tamper(*statements)

    with pytest.raises(LedgerBroken, match=said):
        await ledger.verify()


async def test_bytes_changed_before_they_are_chained_are_named_too(ledger: Database) -> None:
    async with ledger.pool() as pool:
        await Ledger(pool).append([written(7)])
    await ledger.tamper("UPDATE ledger_entry SET body = 'nonsense' WHERE key = 'a/7'")
    await ledger.sequence()

    with pytest.raises(LedgerBroken, match=r"^entry 7 \(a/7\) does not hold what an entry holds$"):
        await ledger.verify()


CUT_OFF = [
    "DELETE FROM ledger_entry WHERE key IN ('a/5', 'a/6')",
    "DELETE FROM ledger_secret WHERE entry_key IN ('a/5', 'a/6')",
    "DELETE FROM ledger_chain WHERE number >= 5",
]


async def test_a_head_noted_earlier_finds_a_tail_cut_off(ledger: Database) -> None:
    head = (await ledger.verify()).head
    await ledger.tamper(*CUT_OFF)

    assert (await ledger.verify()).head.size == 4
    with pytest.raises(LedgerBroken, match=f"^the chain ends at 4, before the head noted earlier: {head}$"):
        await ledger.verify(head)


async def test_a_head_noted_earlier_finds_a_tail_written_anew(ledger: Database) -> None:
    head = (await ledger.verify()).head
    await ledger.tamper(*CUT_OFF)
    await filled(ledger, [written(number, "forged") for number in (5, 6, 7)])

    assert (await ledger.verify()).head.size == 7
    with pytest.raises(LedgerBroken, match=r"^entry 6 \(forged/6\) differs from the head noted earlier"):
        await ledger.verify(head)


async def test_a_ledger_that_went_on_still_contains_an_earlier_head(ledger: Database) -> None:
    head = (await ledger.verify()).head
    await filled(ledger, [written(7), written(8)])

    assert (await ledger.verify(head)).head.size == 8
    with pytest.raises(LedgerBroken):
        await ledger.verify(Head(size=3, hash=head.hash))


@pytest.mark.parametrize(
    ("erasing", "erased"),
    [
        ("entry_key = 'a/3'", 1),
        ("entry_key = 'a/5' AND name = 'prompt'", 1),
        ("entry_key = 'a/5'", 2),
        ("true", 3),
    ],
)
async def test_an_erased_text_leaves_the_ledger_whole_and_is_counted(
    ledger: Database, erasing: str, erased: int
) -> None:
    async with ledger.connection("remit_owner") as owner:
        await owner.execute(f"DELETE FROM ledger_secret WHERE {erasing}")

    found = await ledger.verify()

    assert (found.head.size, found.erased) == (ENTRIES, erased)


def too_large(action: str, kind: EntryKind) -> Entry:
    """Return an entry that the database refuses."""
    return Entry(key=f"{action}/{kind.value}", kind=kind, action=action, at=NOW, body=b"x" * 65536)


async def test_an_action_whose_entry_cannot_be_written_is_not_there(database: Database) -> None:
    action, _ = refund()
    async with database.pool() as pool:
        actions = Actions(pool)
        with pytest.raises(asyncpg.CheckViolationError):
            await actions.submit(action, "olga", "k", "r", too_large(action.id, EntryKind.ACTION_REQUESTED))
        with pytest.raises(NotFound):
            await actions.get(action.id)


async def test_a_state_whose_entry_cannot_be_written_is_not_taken(database: Database) -> None:
    action, judgement = refund()
    async with database.pool() as pool:
        actions = Actions(pool)
        await actions.submit(action, "olga", "k", "r", written(1, action.id))
        with pytest.raises(asyncpg.CheckViolationError):
            await actions.record_judgement(
                action.id,
                judgement,
                None,
                State.DENIED,
                NOW,
                [written(2, action.id), too_large(action.id, EntryKind.ACTION_DENIED)],
            )
        record = await actions.get(action.id)

    assert (record.state, record.judgement) == (State.ASSESSING, None)
    assert await database.sequence() == 1


async def test_a_change_that_is_not_made_writes_no_entry(database: Database) -> None:
    action, judgement = refund()
    async with database.pool() as pool:
        actions = Actions(pool)
        await actions.submit(action, "olga", "k", "r", written(1, action.id))
        made = [
            await actions.record_judgement(action.id, judgement, None, State.DENIED, NOW, [written(n, action.id)])
            for n in (2, 3)
        ]

    assert made == [True, False]
    assert await database.sequence() == 2
