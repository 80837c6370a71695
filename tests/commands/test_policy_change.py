"""`remit policy propose` and `rollback` as processes, against an API and a worker on a real database."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.catalog import Bundle
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.test_policy import GOVERNED, second
from tests.databases import Database
from tests.installation import Installation, installed
from tests.shell import Done, Shell, bundle_folder

DIGEST = r"sha256:[0-9a-f]{64}"


@pytest.fixture
async def governed(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer, request: pytest.FixtureRequest
) -> AsyncIterator[Installation]:
    """An installation of its own: the others' policy stays as it is."""
    name = f"proposing_{abs(hash(request.node.name))}"
    async with installed(shared_postgres, shared_temporal, name, Bundle.model_validate(GOVERNED)) as remit:
        yield remit


@pytest.fixture
def shell(governed: Installation, tmp_path: Path) -> Shell:
    """The command line of the people there."""
    return Shell(Database(governed.postgres, governed.database), tmp_path / "home")


async def say(shell: Shell, remit: Installation, *arguments: str, who: str = "olga") -> Done:
    """Run a command as a person who has a token and knows where the API is, and nothing else."""
    nothing = {name: None for name in shell.environment if name.startswith("REMIT_")}
    url = f"http://127.0.0.1:{remit.settings.api_port}"
    return await shell.spawn("policy", *arguments, "--url", url, **{**nothing, "REMIT_TOKEN": remit.tokens[who]})


def action_of(done: Done) -> str:
    """Return the action that a proposal printed last."""
    return done.out.splitlines()[-1].removeprefix("action ")


async def approved(remit: Installation, action_id: str) -> None:
    """Let two people approve a change, and wait until it is active."""
    action = await remit.until(action_id, "pending_approval")
    for who in ("ann", "bob"):
        assert (await remit.vote(action, who)).status_code == 200
    await remit.until(action_id, "succeeded")


async def test_a_bundle_is_proposed_with_its_differences_and_replay_and_rolled_back_by_the_same_way(
    shell: Shell, governed: Installation, tmp_path: Path
) -> None:
    await governed.refund()
    checks = {"guardrails": {"checks": [{"check": "secrets"}]}}
    folder = bundle_folder(tmp_path / "second", **second(**checks))
    proposed = await say(shell, governed, "propose", folder, "--reason", "clearer words")

    assert proposed.code == 0, proposed.err
    assert re.match(r"warning: bundle.yaml:\d+:\d+: no condition asks what 'secrets' found", proposed.err)
    action_id = action_of(proposed)
    assert re.fullmatch(
        rf"proposed: version 2, ({DIGEST})\n"
        rf"it would replace ({DIGEST})\n"
        r"what changes:\n(  .+\n)+"
        r"what it would have made of the past:\n(  .+\n)+"
        r"nothing has changed yet: it waits for people, who are not you, to approve it at "
        rf"http://127.0.0.1:\d+/review/{action_id}\n"
        rf"action {action_id}\n",
        proposed.out,
    ), proposed.out
    assert "it is very much" in proposed.out
    assert "  1 of 1 recorded actions of the last 90 days could be replayed" in proposed.out
    history = await shell.spawn("policy", "history")
    assert len(history.out.splitlines()) == 1, history.out

    await approved(governed, action_id)
    newest, oldest = (await shell.spawn("policy", "history")).out.splitlines()
    assert newest.endswith(f"  version 2  by olga, action {action_id}")
    assert oldest.endswith("  version 1  by tests")

    back = await say(shell, governed, "rollback", "--reason", "it was better")
    assert back.code == 0, back.err
    assert back.out.startswith("proposed: version 1, ")
    await approved(governed, action_of(back))
    assert "version 1, " in (await shell.spawn("policy", "show")).out

    again = await say(shell, governed, "rollback", "--to", "2", "--reason", "it was not")
    assert again.out.startswith("proposed: version 2, "), again.err


async def test_a_proposal_that_is_made_twice_is_one_and_the_command_says_what_became_of_it(
    shell: Shell, governed: Installation, tmp_path: Path
) -> None:
    folder = bundle_folder(tmp_path / "second", **second())
    first = await say(shell, governed, "propose", folder, "--reason", "clearer words")
    twice = await say(shell, governed, "propose", folder, "--reason", "clearer words")
    assert (twice.code, twice.out) == (0, first.out), twice.err

    action = await governed.until(action_of(first), "pending_approval")
    assert (await governed.vote(action, "ann", "reject", "not now")).status_code == 200
    await governed.until(action["id"], "rejected")
    rejected = await say(shell, governed, "propose", folder, "--reason", "clearer words")

    assert rejected.err.startswith("this very proposal was made before and is rejected: http://"), rejected.err
    assert rejected.err.endswith("; to propose it once more, give another reason\n")
    another = await say(shell, governed, "propose", folder, "--reason", "clearer words, after we talked")
    assert action_of(another) != action["id"], another.err


async def test_what_the_api_refuses_is_told_and_changes_nothing(
    shell: Shell, governed: Installation, tmp_path: Path
) -> None:
    active = bundle_folder(tmp_path / "active", **GOVERNED)
    changed = bundle_folder(tmp_path / "second", **second())
    unchanged = await say(shell, governed, "propose", active, "--reason", "why not")
    assert (unchanged.code, unchanged.out) == (1, "")
    assert re.fullmatch(
        rf"this bundle is active already, so there is nothing to propose: version 1, {DIGEST}\n", unchanged.err
    ), unchanged.err

    refused = {
        ("propose", changed, "clerk"): "this needs a token of kind reviewer",
        ("propose", changed, "nobody"): "the token is not known or was revoked; ask an admin for a new one",
        ("rollback", "", "nobody"): "the token is not known or was revoked; ask an admin for a new one",
        ("rollback", "", "olga"): "no other bundle was active before; versions that were: none",
        ("rollback", "9", "olga"): "no other bundle '9' was active before; versions that were: none",
    }
    governed.tokens["nobody"] = "remit_reviewer_nobody"
    for (command, argument, who), said in refused.items():
        words = [command, *([argument] if command == "propose" else ["--to", argument] if argument else [])]
        done = await say(shell, governed, *words, "--reason", "why not", who=who)
        assert (done.code, done.out) == (1, ""), done.err
        assert said in done.err
        assert "Traceback" not in done.err
    assert await governed.fetchval("SELECT count(*) FROM action") == 0
