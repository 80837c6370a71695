"""`remit canary` and `remit reviewers` on a real database: neither API, nor worker, nor Temporal runs."""

import json
import re
from pathlib import Path

import pytest

from adapters.database.actions import Actions
from adapters.database.assignments import Assignments, Standing
from adapters.database.canaries import Canaries
from domain.action import State
from domain.attention import Turns
from domain.review_statistics import CAUTION
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, fresh_database
from tests.shell import Shell, bundle_folder

LARGE = ("--use-case", "support", "--action-type", "refund.create")


@pytest.fixture
async def shell(shared_postgres: EmbeddedPostgres, tmp_path: Path) -> Shell:
    """A database with a bundle, one of whose tests is a large refund that people are asked about."""
    shell = Shell(await fresh_database(shared_postgres), tmp_path / "home")
    activated = await shell.run("policy", "activate", bundle_folder(tmp_path / "bundle"))
    assert activated.code == 0, activated.err
    return shell


def said(tmp_path: Path, content: object) -> str:
    path = tmp_path / "said.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


async def test_a_canary_is_planted_from_a_test_of_the_bundle_and_listed(shell: Shell) -> None:
    done = await shell.run("canary", "plant", *LARGE, "--by", "rita")
    listed = await shell.run("canary", "list")

    assert done.code == 0, done.err
    action_id = done.out.strip()
    assert re.fullmatch("[0-9a-f]{32}", action_id)
    assert done.err == "planted with tier high; people are asked within half a minute\n"
    assert re.fullmatch(rf"{action_id}  undecided  \d{{4}}-\d\d-\d\d \d\d:\d\d UTC by rita\n", listed.out)
    async with shell.database.pool() as pool:
        record = await Actions(pool).get(action_id)
        (canary,) = await Canaries(pool).newest()
        unstarted = await Actions(pool).unstarted(record.action.created_at.replace(year=9998))
    assert (record.canary, record.state, record.action.agent) == (True, State.ASSESSING, "clerk")
    assert record.action.arguments_bytes == b'{"amount_minor":100001,"customer":"c-1"}'
    assert (canary.action, canary.planted_by, canary.result) == (action_id, "rita", None)
    assert [each.action.id for each in unstarted] == [action_id]  # a worker finds it, as it finds any action


async def test_what_a_canary_says_can_be_given(shell: Shell, tmp_path: Path) -> None:
    arguments = {"customer": "c-99", "amount_minor": 5000}
    path = said(tmp_path, {"arguments": arguments, "context": {"reasoning": "the customer is angry"}})

    done = await shell.run("canary", "plant", *LARGE, "--submission", path, "--tier", "medium")

    assert done.code == 0, done.err
    async with shell.database.pool() as pool:
        record = await Actions(pool).get(done.out.strip())
    assert json.loads(record.action.arguments_bytes) == arguments
    assert record.action.context.reasoning == "the customer is angry"


REFUSED: dict[str, tuple[tuple[str, ...], object, str]] = {
    "nobody would be asked": (
        ("--use-case", "support", "--action-type", "note.add"),
        {"arguments": {"customer": "c-1", "text": "hello"}},
        "nobody would be asked about it: the policy's route is execute",
    ),
    "another tier": (
        (*LARGE, "--tier", "high"),
        {"arguments": {"customer": "c-1", "amount_minor": 5}},
        "tier medium, not",
    ),
    "arguments that do not fit": (LARGE, {"arguments": {"customer": "me"}}, "do not fit 'refund.create'"),
    "no test to take it from": (
        ("--use-case", "chat", "--action-type", "refund.create"),
        None,
        "say with --submission",
    ),
    "an unknown use case": (("--use-case", "nope", "--action-type", "refund.create"), None, "no use case 'nope'"),
    "an agent that may not": ((*LARGE, "--agent", "other"), None, "other"),
    "no JSON": (LARGE, "{", "is not JSON with `arguments`"),
    "no arguments": (LARGE, {"context": {}}, "is not JSON with `arguments`"),
}


@pytest.mark.parametrize(("words", "content", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_canary_that_makes_no_sense_is_not_planted(
    shell: Shell, tmp_path: Path, words: tuple[str, ...], content: object, message: str
) -> None:
    given = ("--submission", said(tmp_path, content)) if content is not None else ()

    done = await shell.run("canary", "plant", *words, *given)

    assert (done.code, done.out) == (1, "")
    assert message in done.err
    async with shell.database.pool() as pool:
        assert await Canaries(pool).newest() == []
        assert await pool.fetchval("SELECT count(*) FROM action") == 0


async def test_without_canaries_and_reviews_there_is_nothing_to_list(shell: Shell) -> None:
    assert (await shell.run("canary", "list")).err == "no canary was planted\n"
    shown = await shell.run("reviewers", "--days", "7")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err == f"{CAUTION}\nnobody was asked in the last 7 days\n"


async def test_reviewers_are_shown_with_the_caution_and_without_small_percentages(shell: Shell) -> None:
    planted = (await shell.run("canary", "plant", *LARGE)).out.strip()
    async with shell.database.pool() as pool:
        at = (await Actions(pool).get(planted)).action.created_at
        turns = Turns(now=["ann"])

        def choose(_loads: object, _before: Standing) -> Turns:
            return turns

        await Assignments(pool).assign(planted, 1, ["ann"], at, choose)

    shown = await shell.run("reviewers")

    assert shown.err == f"{CAUTION}\n"
    assert shown.out.splitlines() == [
        "ann: asked 0, decided 0",
        "  approved 0 of 0",
        "  from opened to decided: no decision on something that was opened before it",
        "  approved faster than the text can be read: 0 of 0",
        "  canaries: 1, of which 0 rejected and 0 approved",
    ]
    assert at > NOW
