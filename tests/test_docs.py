"""The docs are true: what the code has is in them, what they show works, and where they point there is something."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
import typer
import yaml
from prometheus_client import REGISTRY
from pydantic import BaseModel, SecretStr, TypeAdapter

import adapters.notifiers
import worker
from activities.try_examples import examples_failures
from adapters import checks
from adapters.checks import CHECKS
from adapters.checks.finder import Finder
from adapters.executors import SETTINGS
from adapters.policy_files import read_bundle, warnings_of
from api.problems import REFUSAL_STATUS, STATUS, status_of
from api.review_receipt import REFUSED
from cli import app
from domain.action import State, Submission
from domain.canonical import canonical_bytes
from domain.catalog import ApprovalRule, Attention, Bundle, EscalationStep, Group, Rotation, Stage
from domain.errors import RefusalCode, Refused, RemitError
from domain.expression import MAX_LENGTH, MAX_LOOPS, MAX_NESTING
from domain.ledger import EMPTY, EntryKind, Secret, entry_hash, extend
from domain.policy import Policy
from settings import Settings
from tests.pages_of_docs import CHECKOUT, PAGES, fences, headings, links, page, section, slugs

POLICY = CHECKOUT / "examples" / "marketing" / "policy"
ELSEWHERE = {"REMIT_HOME", "REMIT_POLICY_FOLDER", "REMIT_SLACK_PORT", "REMIT_TEMPORAL_UI_PORT", "REMIT_TOKEN"}
"""Variables that are no settings: of make, of the demo, of compose, and a person's own token."""


def error_classes(root: type[RemitError] = RemitError) -> Iterator[type[RemitError]]:
    yield root
    for kind in root.__subclasses__():
        yield from error_classes(kind)


def commands() -> dict[str, Any]:
    """Return the commands by their words: `ledger verify`."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= {f"{name} {each}": leaf for each, leaf in getattr(command, "commands", {}).items()} or {name: command}
    return found


def shown_commands() -> list[str]:
    """Return what follows `remit` wherever the docs show it to be typed."""
    typed = re.compile(r"^(?:\./)?remit (.+)$|^docker compose run --rm admin (.+)$", re.MULTILINE)
    return [a or b for path in PAGES for fence in fences(path, "sh") for a, b in typed.findall(fence)]


def runnable() -> list[str]:
    return [line for path in PAGES for fence in fences(path, "sh runs") for line in fence.splitlines()]


def test_every_setting_has_a_heading_and_every_heading_is_a_setting() -> None:
    assert {f"REMIT_{name.upper()}" for name in Settings.model_fields} == set(headings("docs/settings.md", level=3))


def written(default: Any) -> str:
    """Return how the docs write a default: what the text must hold."""
    if default is None:
        return "None"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, int | float):
        return f"`{default:g}`"
    shown = default.get_secret_value() if isinstance(default, SecretStr) else str(default)
    return f"`{shown.rstrip('/')}"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_docs_have_the_default_of_each_setting(name: str) -> None:
    text = section("docs/settings.md", f"REMIT_{name.upper()}")
    assert text.startswith(written(Settings.model_fields[name].default))


def test_the_docs_name_no_setting_that_does_not_exist() -> None:
    known = {f"REMIT_{name.upper()}" for name in Settings.model_fields} | ELSEWHERE
    for path in PAGES:
        named = {name.partition("__")[0] for name in re.findall(r"\bREMIT_[A-Z_]+[A-Z]", path.read_text())}
        assert named <= known, path


@pytest.mark.parametrize("name", SETTINGS)
def test_every_executor_has_a_heading_and_its_settings_are_explained(name: str) -> None:
    text = section("docs/executors.md", name)
    assert {*re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)} == {*SETTINGS[name].model_fields}
    shown = yaml.safe_load(fences(CHECKOUT / "docs" / "executors.md", "yaml")[list(SETTINGS).index(name)])
    assert shown["executor"] == name
    SETTINGS[name].model_validate(shown["settings"])


def test_every_check_has_a_heading_and_every_heading_is_a_check() -> None:
    assert headings("docs/checks.md", level=2) == sorted(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_the_settings_and_kinds_of_each_check_are_explained(name: str) -> None:
    check = CHECKS[name]
    assert isinstance(check, Finder)
    text = section("docs/checks.md", name)
    _, _, settings = text.partition("| setting | meaning |")
    assert re.findall(r"^\| `(\w+)` \|", settings, re.MULTILINE) == [*check.settings.model_fields]
    assert settings or "No settings." in text
    assert all(f"`{kind}`" in text for kind in check.kinds)


def test_every_notifier_has_a_heading() -> None:
    folders = {path.parent.name for path in Path(adapters.notifiers.__path__[0]).glob("*/__init__.py")}
    assert folders
    assert folders <= set(headings("docs/admins.md", level=3))


def test_every_error_code_and_refusal_code_has_a_heading() -> None:
    codes = {kind.code for kind in error_classes()} | {code.value for code in RefusalCode}
    assert codes <= set(headings("docs/errors.md", level=3))


def test_the_docs_have_the_status_of_each_code() -> None:
    for kind, status in STATUS.items():
        assert section("docs/errors.md", kind.code).startswith(f"{status}"), kind
    for code, status in REFUSAL_STATUS.items():
        assert section("docs/errors.md", code.value).startswith(f"{status}"), code
    assert {status_of(kind("")) for kind in error_classes() if kind not in STATUS and kind is not Refused} == {500}


def test_every_refusal_is_explained_to_reviewers_in_the_words_of_the_page() -> None:
    assert set(REFUSED) == set(RefusalCode)
    for title, _ in REFUSED.values():
        assert f"| {title} |" in page("docs/reviewers.md")


def test_every_state_is_explained_to_agents() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section("docs/agents.md", "States"), re.MULTILINE) == [*State]


def test_every_kind_of_ledger_entry_has_a_heading() -> None:
    assert headings("docs/ledger.md", level=3) == [*EntryKind]


def test_every_metric_is_named() -> None:
    assert worker.SEQUENCED is not None  # the metrics are registered where they are counted
    names = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("remit_")}
    assert names
    assert all(f"`{name}" in page("docs/admins.md") for name in names)


def test_every_command_is_shown() -> None:
    words = " ".join(page(path) for path in ("docs/admins.md", "docs/risk.md"))
    for command in commands():
        assert f"remit {command}" in words


@pytest.mark.parametrize("typed", sorted(set(shown_commands())))
def test_a_command_that_is_shown_can_be_typed(typed: str) -> None:
    if typed.startswith("--"):
        return
    words = shlex.split(typed)
    length = 1 if words[0] in commands() else 2
    command = commands()[" ".join(words[:length])]
    command.make_context(words[length - 1], words[length:])


def test_links_lead_somewhere() -> None:
    for path in PAGES:
        for target in links(path):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            found = (path.parent / file).resolve() if file else path
            assert found.exists(), f"{path}: {target}"
            assert found.is_relative_to(CHECKOUT)
            assert not anchor or anchor in slugs(found), f"{path}: {target}"


@pytest.mark.parametrize("line", sorted(set(runnable())))
def test_what_is_marked_as_runnable_runs(line: str, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "REMIT_HOME": str(tmp_path), "COLUMNS": "100"}
    done = subprocess.run(
        ["/bin/sh", "-ec", line], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_worked_example_of_the_ledger_is_right() -> None:
    text = section("docs/ledger.md", "Worked example")
    bodies = [line.encode() for line in fences(CHECKOUT / "docs" / "ledger.md", "json")[0].splitlines()]
    assert [canonical_bytes(json.loads(body)) for body in bodies] == bodies
    rows = re.findall(r"^\| \d \| `([0-9a-f]{64})` \| `(\d:[0-9a-f]{64})` \|$", text, re.MULTILINE)
    assert rows == [(entry_hash(body).hex(), str(head)) for body, (head, _) in zip(bodies, chain(bodies), strict=True)]
    assert f"`H(0)` is `{EMPTY.hash.hex()}`" in text
    salt, said = re.search(r"`([0-9a-f]{64})`\. Erased", text), re.search(r"commits to is `([^`]+)`", text)
    assert salt is not None
    assert said is not None
    secret = Secret(name="reason", salt=bytes.fromhex(salt[1]), content=said[1].encode())
    assert json.loads(bodies[1])["commitments"] == {"reason": secret.commitment}


def chain(bodies: list[bytes]) -> list[Any]:
    return list(extend(EMPTY, bodies))


def test_the_examples_for_agents_fit_the_example_policy() -> None:
    example = re.search(r"-d '(\{.*\})'", fences(CHECKOUT / "docs" / "agents.md", "sh")[0], re.DOTALL)
    assert example is not None
    policy = Policy(read_bundle(POLICY), "sha256:" + "0" * 64)
    policy.admit("lead-scorer", Submission.model_validate_json(example[1]))
    compile(fences(CHECKOUT / "docs" / "agents.md", "python")[0], "docs/agents.md", "exec")


def test_the_examples_for_risk_officers_are_entries_of_a_bundle() -> None:
    seen = set()
    for fence in fences(CHECKOUT / "docs" / "risk.md", "yaml"):
        for name, value in yaml.safe_load(fence).items():
            seen.add(name)
            annotation = Bundle.model_fields[name].annotation
            model = next((kind for kind in get_args(annotation) if isinstance(kind, type)), annotation)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(model, type) and issubclass(model, BaseModel):
                    model.model_validate(each)
    assert seen == set(Bundle.model_fields)


def test_the_examples_of_the_manual_are_entries_of_a_bundle() -> None:
    for fence in fences(CHECKOUT / "docs" / "policy.md", "yaml"):
        for name, value in yaml.safe_load(fence).items():
            annotation = Bundle.model_fields[name].annotation
            assert annotation is not None
            TypeAdapter(annotation).validate_python(value)


@pytest.mark.parametrize("model", [Group, Rotation, Attention, ApprovalRule, Stage, EscalationStep])
def test_every_field_of_how_people_are_asked_is_explained_and_shown(model: type[BaseModel]) -> None:
    rows = re.findall(r"^\| (`.*?) \|", page("docs/policy.md"), re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    shown = "".join(fences(CHECKOUT / "docs" / "policy.md", "yaml"))

    assert set(model.model_fields) <= explained
    assert all(f"{name}:" in shown for name in model.model_fields)


def test_the_docs_have_the_limits_of_conditions() -> None:
    text = page("docs/risk.md")
    assert f"{MAX_LENGTH} characters, {MAX_NESTING} levels of brackets and {MAX_LOOPS} loops" in text


def test_the_picture_is_well_formed_and_fits_dark_pages() -> None:
    picture = page("docs/flow.svg")
    ElementTree.fromstring(picture)  # noqa: S314  our own file
    assert "prefers-color-scheme: dark" in picture


async def test_the_recipe_for_a_new_assistant_is_a_bundle_that_loads_and_does_what_its_tests_say(
    tmp_path: Path,
) -> None:
    for fence in fences(CHECKOUT / "docs" / "policy.md", "yaml"):
        if named := re.match(r"# (\w+\.yaml)\n", fence):
            (tmp_path / named[1]).write_text(fence)

    bundle = read_bundle(tmp_path)

    assert list(checks.problems_in(bundle)) == []
    assert warnings_of(tmp_path, bundle) == []
    assert len(bundle.tests) >= 5
    assert await examples_failures(Policy(bundle, "sha256:" + "0" * 64), CHECKS) == []


def test_every_check_has_a_heading() -> None:
    named = set(re.findall(r"^## `?([a-z_]+)`?$", page("docs/checks.md"), re.MULTILINE))
    assert set(checks.CHECKS) <= named
