"""The published JSON Schema of bundle files: it is what `remit policy schema` prints, and it fits the examples."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from adapters.policy_files.document import Document
from cli import app
from tests.adapters.shop_policy import FILES
from tests.pages_of_docs import CHECKOUT

PUBLISHED = CHECKOUT / "docs" / "policy.schema.json"
EXAMPLES = sorted((CHECKOUT / "examples").glob("*/policy/*.yaml"))
BY_EDITORS = Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8")))


def complaints(content: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in BY_EDITORS.iter_errors(content)]


def test_the_published_schema_is_the_one_of_this_version() -> None:
    """Where this fails: `remit policy schema > docs/policy.schema.json`."""
    printed = CliRunner().invoke(app, ["policy", "schema"])

    assert printed.exit_code == 0
    assert PUBLISHED.read_text(encoding="utf-8") == printed.stdout


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(BY_EDITORS.schema)


def test_every_example_is_found() -> None:
    assert {path.parent.parent.name for path in EXAMPLES} == {"bank", "marketing", "teamchat"}


@pytest.mark.parametrize("path", EXAMPLES, ids=[f"{path.parts[-3]}/{path.name}" for path in EXAMPLES])
def test_an_example_fits_the_schema_and_tells_editors_where_it_is(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()

    assert complaints(Document(path.read_text(encoding="utf-8")).content) == []
    marker, _, place = first.partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (path.parent / place).resolve() == PUBLISHED


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("agents.yaml", "owner: olga", "ownr: olga", "$.agents[0]: Additional properties are not allowed"),
        ("agents.yaml", "    owner: olga\n", "", "$.agents[0]: 'owner' is a required property"),
        ("risk.yaml", "points: 3", "points: 6", "$.risk.rules[0].points: 6 is greater than the maximum of 5"),
        ("routes.yaml", "do: deny", "do: perhaps", "$.routes[0].do: 'perhaps' is not one of"),
        ("routes.yaml", "remind_after: 1h", "remind_after: 1", "$.approvals[0].remind_after: 1 is not"),
    ],
)
def test_an_editor_marks_a_mistake(file: str, before: str, after: str, said: str) -> None:
    assert complaints(Document(FILES[file]).content) == []

    assert any(line.startswith(said) for line in complaints(Document(FILES[file].replace(before, after)).content))
