"""`remit hold`, `remit release` and `remit holds` on a real database: neither API, nor worker, nor Temporal runs."""

import re
from pathlib import Path

import asyncpg
import pytest

from adapters.database.actions import Actions
from adapters.database.holds import Holds
from domain.action import State
from domain.holds import Hold, HoldScope
from domain.ledger import SYSTEM, EntryKind, entry
from domain.record import Claim, Execution
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, fresh_database, note, written
from tests.shell import Shell, bundle_folder

ID = r"[0-9a-f]{12}"


@pytest.fixture
async def shell(shared_postgres: EmbeddedPostgres, tmp_path: Path) -> Shell:
    """A database with a bundle."""
    shell = Shell(await fresh_database(shared_postgres), tmp_path / "home")
    activated = await shell.run("policy", "activate", bundle_folder(tmp_path / "bundle"))
    assert activated.code == 0, activated.err
    return shell


async def holds(shell: Shell) -> list[Hold]:
    async with shell.database.pool() as pool:
        return await Holds(pool).newest()


@pytest.mark.parametrize(
    ("words", "scope", "subject", "over"),
    [
        (("everything",), HoldScope.EVERYTHING, None, "everything"),
        (("agent", "clerk"), HoldScope.AGENT, "clerk", "agent 'clerk'"),
        (("use-case", "support"), HoldScope.USE_CASE, "support", "use case 'support'"),
        (("action-type", "note.add"), HoldScope.ACTION_TYPE, "note.add", "action type 'note.add'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
async def test_a_hold_is_placed_listed_and_lifted(
    shell: Shell, words: tuple[str, ...], scope: HoldScope, subject: str | None, over: str
) -> None:
    done = await shell.run("hold", *words, "--reason", "it refunds everybody", "--by", "kira")

    (placed,) = await holds(shell)
    assert (done.code, done.out) == (0, f"{placed.id}\n"), done.err
    assert done.err == (
        f"hold {placed.id} on {over} is on: no effect begins in its scope; "
        f"lift it with: remit release {placed.id} --reason WHY\n"
    )
    assert (placed.scope, placed.subject, placed.reason) == (scope, subject, "it refunds everybody")
    assert placed.placed_by == "kira"
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    listed = await shell.run("holds")
    assert re.fullmatch(rf"{placed.id}  {over} +placed {when} by kira: it refunds everybody\n", listed.out), listed.out

    lifted = await shell.run("release", placed.id, "--reason", "mended", "--by", "rita")

    assert re.fullmatch(rf"hold {placed.id} on {over} was lifted {when} by rita\n", lifted.out), lifted.out
    assert (await holds(shell))[0].lift_reason == "mended"
    assert (await shell.run("holds")).err == "no hold is on\n"
    past = await shell.run("holds", "--all")
    assert re.search(rf"everybody; lifted {when} by rita: mended$", past.out.strip()), past.out


async def test_placing_twice_is_one_hold(shell: Shell) -> None:
    first = await shell.run("hold", "everything", "--reason", "stop")

    again = await shell.run("hold", "everything", "--reason", "stop, I said")

    assert (again.code, again.out) == (0, first.out)
    assert "is on already, by operator" in again.err
    assert len(await holds(shell)) == 1


async def test_what_is_under_way_is_said_plainly(shell: Shell) -> None:
    async with shell.database.pool() as pool:
        action = await executing(pool)

    done = await shell.run("hold", "everything", "--reason", "stop", "--wait", "0")

    assert done.code == 0
    assert re.fullmatch(rf"{ID}\n", done.out)
    assert done.err.endswith(f"1 began before the hold and may still be having their effect:\n  action {action}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("agent", "clark"), "no agent 'clark' in the active policy; did you mean 'clerk'?\n"),
        (("use-case", "nothing-like-it"), "no use case 'nothing-like-it' in the active policy; known: "),
        (("action-type", "note.ad"), "no action type 'note.ad' in the active policy; did you mean 'note.add'?\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
async def test_what_the_policy_does_not_have_is_not_held(shell: Shell, words: tuple[str, ...], said: str) -> None:
    done = await shell.run("hold", *words, "--reason", "stop")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)
    assert await holds(shell) == []


async def test_everything_can_be_held_without_a_policy(shared_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    bare = Shell(await fresh_database(shared_postgres), tmp_path)

    assert (await bare.run("hold", "everything", "--reason", "stop")).code == 0
    assert (await bare.run("hold", "agent", "clerk", "--reason", "stop")).code == 1


async def test_the_owner_is_not_needed(shell: Shell) -> None:
    done = await shell.run("hold", "everything", "--reason", "stop", REMIT_OWNER_DATABASE_URL=None)

    assert done.code == 0


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001], ids=len)
async def test_a_reason_that_says_nothing_or_too_much_is_refused(shell: Shell, reason: str) -> None:
    done = await shell.run("hold", "everything", "--reason", reason)

    assert (done.code, done.err) == (1, "say why with --reason, in up to 2000 characters\n")
    assert (await shell.run("hold", "everything")).code == 2, "it is asked for"
    assert await holds(shell) == []


async def test_lifting_what_is_not_there_says_where_to_look(shell: Shell) -> None:
    done = await shell.run("release", "abc", "--reason", "mended")

    assert (done.code, done.err) == (1, "no hold 'abc'; `remit holds` shows which there are\n")


async def executing(pool: "asyncpg.Pool[asyncpg.Record]") -> str:
    """Claim an action, as a worker that is about to run it does."""
    actions = Actions(pool)
    action, judgement = note()
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    await actions.record_judgement(action.id, judgement, None, State.ASSESSING, NOW, [])
    intent = entry(f"{action.id}/intended", EntryKind.EXECUTION_INTENDED, NOW, SYSTEM, {}, action=action.id)
    claim = await actions.claim(action.id, action.digest, Execution(key=action.id, intent_at=NOW), intent)
    assert isinstance(claim, Claim)
    return action.id
