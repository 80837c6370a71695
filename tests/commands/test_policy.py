"""`remit policy ...` on a real database: neither API, nor worker, nor Temporal runs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.database.policies import Policies
from domain.catalog import Bundle
from domain.ledger import SYSTEM, EntryKind, entry
from local.postgres import EmbeddedPostgres
from tests.bundles import DOCUMENT
from tests.databases import NOW, fresh_database
from tests.shell import Shell, bundle_folder

WHEN = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
DIGEST = r"sha256:[0-9a-f]{64}"
REFUND = {
    "agent": "clerk",
    "use_case": "support",
    "action_type": "refund.create",
    "arguments": {"customer": "c-1", "amount_minor": 5000},
}


@pytest.fixture
async def shell(shared_postgres: EmbeddedPostgres, tmp_path: Path) -> Shell:
    """A database with a bundle."""
    shell = Shell(await fresh_database(shared_postgres), tmp_path / "home")
    activated = await shell.run("policy", "activate", bundle_folder(tmp_path / "bundle"), "--by", "rita")
    assert activated.code == 0, activated.err
    return shell


def failing(folder: Path) -> str:
    """A bundle whose test expects what does not come out."""
    (example,) = DOCUMENT["tests"]
    return bundle_folder(folder, tests=[{**example, "expect": {**example["expect"], "route": "deny"}}])


def place_of(text: str, file: Path) -> tuple[int, int]:
    """Return the line and column of a text in a file."""
    before = file.read_text().partition(text)[0]
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1


def written(folder: Path, action: Any) -> str:
    path = folder / "action.json"
    path.write_text(json.dumps(action))
    return str(path)


async def test_show_says_which_bundle_is_active_since_when_and_by_whom(shell: Shell) -> None:
    shown = await shell.run("policy", "show")

    assert re.fullmatch(
        rf"bundle 'test-company' version 1, {DIGEST}\nactive since {WHEN} by rita\n"
        r"agents 3, use cases 5, action types 4, people 5, groups 2, "
        r"rules 4, routes 5, approvals 3, checks 0, tests 1\n",
        shown.out,
    ), shown.out


async def test_show_prints_the_whole_bundle_so_that_it_can_be_read_again(shell: Shell) -> None:
    shown = await shell.run("policy", "show", "--yaml")
    assert Bundle.model_validate(yaml.safe_load(shown.out)) == Bundle.model_validate(DOCUMENT)


async def test_without_an_active_bundle_the_message_says_what_to_do(
    shared_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    shell = Shell(await fresh_database(shared_postgres), tmp_path / "home")
    shown = await shell.run("policy", "show")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "no policy bundle is active; load one with: remit policy activate DIR\n"


async def test_the_tests_of_a_bundle_pass(shell: Shell) -> None:
    folder = str(shell.home.parent / "bundle")
    done = await shell.run("policy", "test", folder, REMIT_DATABASE_URL=None, REMIT_OWNER_DATABASE_URL=None)
    assert (done.code, done.out) == (0, "1 tests passed; 1 rules that can raise to high are covered\n"), done.err


@pytest.mark.parametrize("command", ["test", "check"])
async def test_a_test_that_fails_is_named(shell: Shell, tmp_path: Path, command: str) -> None:
    done = await shell.run("policy", command, failing(tmp_path / "failing"))

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "the bundle is not usable:\n"
        "  test 'large-refund': expected route deny, got ask (the tier is high); matched: fin.refund, fin.large\n"
    )


async def test_the_first_bundle_is_not_activated_while_a_test_of_it_fails(
    shared_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    shell = Shell(await fresh_database(shared_postgres), tmp_path / "home")

    done = await shell.run("policy", "activate", failing(tmp_path / "failing"), "--by", "rita")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "the bundle is not usable:\n"
        "  test 'large-refund': expected route deny, got ask (the tier is high); matched: fin.refund, fin.large\n"
    )
    assert (await shell.run("policy", "history")).out == ""


async def test_a_check_that_nothing_asks_about_is_a_warning_and_no_refusal(tmp_path: Path, shell: Shell) -> None:
    guardrails = {"checks": [{"check": "links"}, {"check": "secrets"}]}
    folder = bundle_folder(tmp_path / "unasked", guardrails=guardrails)

    done = await shell.run("policy", "check", folder)

    assert re.fullmatch(rf"bundle 'test-company' version 1 is sound, {DIGEST}\n", done.out), done.out
    line, column = place_of("check: secrets", Path(folder) / "bundle.yaml")
    assert (done.code, done.err.splitlines()[1]) == (
        0,
        f"warning: bundle.yaml:{line}:{column + len('check: ')}: no condition asks what 'secrets' found, so "
        "it raises nothing: write a rule with when: signals.secrets.found, or take the check out",
    )
    assert len(done.err.splitlines()) == 2


async def test_simulating_shows_why_and_records_nothing(shell: Shell, tmp_path: Path) -> None:
    done = await shell.run("policy", "simulate", written(tmp_path, REFUND))

    assert done.code == 0, done.err
    first, *rest = done.out.splitlines()
    assert re.fullmatch(rf"tier medium, by version 1 \({DIGEST}\)", first)
    assert rest == [
        "  content     ..... 0",
        "  privacy     ..... 0",
        "  financial   ###.. 3",
        "  operational ..... 0",
        "  regulatory  ..... 0",
        "rules that match:",
        "  fin.refund: financial 3, money leaves the company",
        "route ask: the tier is medium",
        "asks 1 of 'finance' (ann, bob, olga)",
    ]
    async with shell.database.connection("remit_app") as connection:
        assert await connection.fetchval("SELECT count(*) FROM action") == 0


async def test_a_simulation_by_files_needs_no_database(shell: Shell, tmp_path: Path) -> None:
    kinds = [
        {**kind, "roles": {"amount": "amount_minor"}} if kind["id"] == "refund.create" else kind
        for kind in DOCUMENT["action_types"]
    ]
    folder = bundle_folder(tmp_path / "b", action_types=kinds, guardrails={"checks": [{"check": "links"}]})
    action = {**REFUND, "context": {"prompt": "refund 50.00", "claims": {"risk": "high"}}}

    done = await shell.run("policy", "simulate", written(tmp_path, action), "--dir", folder, REMIT_DATABASE_URL=None)

    assert done.code == 0, done.err
    assert "raised to high by claims: the agent itself calls it high\n" in done.out
    assert "provenance: amount user\n" in done.out
    assert "signal links: clear\n" in done.out
    assert "asks 2 of 'finance' (ann, bob, olga)\n" in done.out


async def test_what_would_be_refused_is_simulated_as_denied(shell: Shell, tmp_path: Path) -> None:
    done = await shell.run("policy", "simulate", written(tmp_path, {**REFUND, "agent": "retired"}))
    assert done.out.endswith("route deny: agent 'retired' is not an active agent of the catalog; ask its owner\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({**REFUND, "amount": 5}, "  amount: Extra inputs are not permitted\n"),
        (
            {**REFUND, "at": "0001-01-01T00:00:00+14:00"},
            "  at: Value error, the year 1 cannot be right; write a moment like 2026-01-31T09:00:00Z\n",
        ),
        ([], "  the file: Input should be an object\n"),
    ],
    ids=["field", "moment", "list"],
)
async def test_a_file_that_holds_no_action_is_described(shell: Shell, tmp_path: Path, content: Any, said: str) -> None:
    path = written(tmp_path, content)
    done = await shell.run("policy", "simulate", path)
    assert (done.code, done.out, done.err) == (1, "", f"{path} is not an action as an agent submits it:\n{said}")


async def test_a_file_that_is_not_there_is_named(shell: Shell) -> None:
    done = await shell.run("policy", "simulate", "nowhere.json")
    assert (done.code, done.err) == (1, "nowhere.json cannot be read: No such file or directory\n")


async def test_a_bundle_is_compared_with_the_active_one_and_with_an_earlier_one(shell: Shell, tmp_path: Path) -> None:
    folder = bundle_folder(tmp_path / "next", version="2")
    against_active = await shell.run("policy", "diff", folder)
    assert (against_active.code, against_active.out) == (0, "version: '1' -> '2'\n"), against_active.err

    async with shell.database.pool("remit_owner") as pool:
        said = entry("2", EntryKind.POLICY_ACTIVATED, NOW, SYSTEM, {})
        await Policies(pool).activate(Bundle.model_validate({**DOCUMENT, "version": "2"}), "kira", NOW, said)
    history = (await shell.run("policy", "history")).out
    newest, oldest = history.splitlines()
    assert re.fullmatch(rf"{WHEN}  {DIGEST}  version 2  by kira", newest), history
    assert re.fullmatch(rf"{WHEN}  {DIGEST}  version 1  by rita", oldest), history
    back = await shell.run("policy", "diff", folder, oldest.split("  ")[1])
    assert back.out == "version: '2' -> '1'\n", back.err
    assert (await shell.run("policy", "diff", folder)).out == "nothing changes\n"


async def test_a_digest_that_nobody_activated_is_refused(shell: Shell) -> None:
    done = await shell.run("policy", "diff", f"sha256:{'0' * 64}")
    assert (done.code, done.out) == (1, "")
    assert "is missing" in done.err


NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize("words", [("propose", "FOLDER"), ("rollback",)], ids=["propose", "rollback"])
@pytest.mark.parametrize("token", [None, "", " \n", "tök", "a\nb"], ids=["none", "empty", "blank", "letters", "lines"])
async def test_a_change_needs_a_token_and_the_message_says_where_one_comes_from(
    shell: Shell, tmp_path: Path, words: tuple[str, ...], token: str | None
) -> None:
    folder = bundle_folder(tmp_path / "next", version="2")
    given = [folder if word == "FOLDER" else word for word in words]

    done = await shell.run("policy", *given, "--reason", "why", "--url", NOBODY, REMIT_TOKEN=token)

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "set REMIT_TOKEN to your reviewer token; an admin makes one with: "
        "remit token create --kind reviewer --subject YOUR_ID\n"
    )


@pytest.mark.parametrize("words", [("propose", "FOLDER"), ("rollback",)], ids=["propose", "rollback"])
async def test_an_api_that_does_not_answer_is_told(shell: Shell, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = bundle_folder(tmp_path / "next", version="2")
    given = [folder if word == "FOLDER" else word for word in words]

    done = await shell.run("policy", *given, "--reason", "why", "--url", NOBODY, REMIT_TOKEN="t")

    assert (done.code, done.out) == (1, "")
    assert done.err == "the API does not answer (ConnectError); say where it is with --url\n"


@pytest.mark.parametrize("url", ["remit.example", "ftp://x", "http://", "http://x:y:z[", "https://x?y"])
async def test_what_is_no_address_of_an_api_is_told(shell: Shell, url: str) -> None:
    done = await shell.run("policy", "rollback", "--reason", "why", "--url", url, REMIT_TOKEN="t")

    assert (done.code, done.out) == (1, "")
    assert done.err == f"'{url.rstrip('/')}' is not the address of an API; one looks like https://remit.example\n"


async def test_a_change_without_a_reason_is_not_proposed(shell: Shell) -> None:
    done = await shell.run("policy", "rollback", "--reason", "  ", "--url", NOBODY, REMIT_TOKEN="t")

    assert (done.code, done.out) == (2, "")
    assert "it is empty; say why, for the people who approve it" in done.err


async def test_a_bundle_that_cannot_be_used_is_not_proposed_and_the_mistake_is_told_with_its_place(
    tmp_path: Path, shell: Shell
) -> None:
    wrong = bundle_folder(tmp_path / "wrong", version="a\0b", policy_changes={"owner": "olga", "approval": "one"})
    line, column = place_of('"a\\0b"', Path(wrong) / "bundle.yaml")

    refused = await shell.run("policy", "propose", wrong, "--reason", "why", "--url", NOBODY, REMIT_TOKEN="t")
    untrue = await shell.run(
        "policy", "propose", failing(tmp_path / "failing"), "--reason", "why", "--url", NOBODY, REMIT_TOKEN="t"
    )

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"the bundle is not usable:\n  bundle.yaml:{line}:{column}: the text has a NUL "), (
        refused.err
    )
    assert (untrue.code, untrue.out) == (1, "")
    assert untrue.err == (
        "the bundle is not usable:\n"
        "  test 'large-refund': expected route deny, got ask (the tier is high); matched: fin.refund, fin.large\n"
    )
