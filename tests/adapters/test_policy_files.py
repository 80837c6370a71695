"""Policy bundles from YAML files: every problem is found, with its file and place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.policy_files import MAX_FILE_BYTES, read_bundle
from domain.errors import BundleInvalid
from tests.bundles import DOCUMENT, bundle


def write(folder: Path, **changes: Any) -> Path:
    """Write the small company's bundle, one top-level key a file."""
    for key, value in {**DOCUMENT, **changes}.items():
        (folder / f"{key}.yaml").write_text(yaml.safe_dump({key: value}), encoding="utf-8")
    return folder


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(BundleInvalid) as refusal:
        read_bundle(folder)
    return refusal.value.problems


def test_files_make_up_one_bundle(tmp_path: Path) -> None:
    assert read_bundle(write(tmp_path)) == bundle()


def test_only_yaml_files_of_the_folder_itself_count(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "notes.txt").write_text("id: other")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "extra.yaml").write_text("id: other")

    assert read_bundle(tmp_path).id == "test-company"


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == [f"{tmp_path}: no *.yaml files there"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2", "x.yaml:1:9: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\nb: {c: 1\nd: 2", "x.yaml:3:2: expected ',' or '}', but got ':'"),
        ("a:\n\t- b", "x.yaml:2:1: found character '\\t' that cannot start any token"),
        ("a: 1\nb: 2\na: 3", "x.yaml:3:1: 'a' stands here twice"),
        ("a:\n  b: 1\n  c: {d: 1, d: 2}", "x.yaml:3:13: 'd' stands here twice"),
        ("a: &x 1\nb: *x", "x.yaml:2:4: aliases are not allowed; write it out"),
        ("a: &x [*x]", "x.yaml:1:8: aliases are not allowed; write it out"),
        ("a: {<<: *x}", "x.yaml:1:9: aliases are not allowed; write it out"),
        ("a: !!python/object/apply:os.system [x]", "x.yaml:1:4: could not determine a constructor for the tag"),
        ("a: 1\n---\nb: 2", "x.yaml:2:1: but found another document"),
        ("{[a]: 1}", "x.yaml:1:2: found unhashable key"),
        ("? {a: 1}\n: 2", "x.yaml:1:3: found unhashable key"),
        ("a: !!map [x]", "x.yaml:1:4: expected a mapping node, but found sequence"),
        ("a: 2026-99-99", "x.yaml: month must be in 1..12"),
        ("a: !!int x", "x.yaml: invalid literal for int()"),
        ("a: !!timestamp x", "x.yaml: "),
        ("a: \x01", "x.yaml: unacceptable character #x0001"),
        ("[" * 20_000, "x.yaml: nests too deep"),
        ("", "x.yaml: expected names with values at the top level"),
        ("- a", "x.yaml: expected names with values at the top level"),
        ("just text", "x.yaml: expected names with values at the top level"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")

    (problem,) = problems_of(tmp_path)

    assert problem.startswith(said), problem


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: \xff")

    assert problems_of(tmp_path)[0].startswith("x.yaml: 'utf-8' codec can't decode")


def test_a_folder_with_a_files_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()

    assert problems_of(tmp_path)[0].startswith("x.yaml: ")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))

    assert problems_of(tmp_path) == [f"x.yaml: larger than {MAX_FILE_BYTES} bytes"]


def test_two_files_with_the_same_key_are_both_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "more.yaml").write_text("groups: []\npeople: []")

    assert problems_of(tmp_path) == [
        "more.yaml: 'groups' stands in groups.yaml already",
        "people.yaml: 'people' stands in more.yaml already",
    ]


def test_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "b.yaml").write_text("b: *x")
    (tmp_path / "c.yaml").write_text("- c")

    assert [problem.partition(":")[0] for problem in problems_of(tmp_path)] == ["a.yaml", "b.yaml", "c.yaml"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"surprise": 1}, "surprise.yaml: surprise: Extra inputs are not permitted"),
        (
            {"agents": [{"id": "clerk", "title": "Clerk", "owner": "olga", "colour": "red"}]},
            "agents.yaml: agents.0.colour: Extra inputs are not permitted",
        ),
        (
            {"agents": [{"id": "Clerk", "title": "Clerk", "owner": "olga"}]},
            "agents.yaml: agents.0.id: String should match pattern",
        ),
        ({"routes": []}, "routes.yaml: routes: List should have at least 1 item"),
        ({"version": 7}, "version.yaml: version: Input should be a valid string"),
        (
            {"approvals": [{"id": "one", "group": "finance", "expire_after": 30}]},
            "approvals.yaml: approvals.0.expire_after: Value error, 30 of what? write 30s, 15m, 4h or 2d",
        ),
        ({"groups": [{"id": "finance", "members": ["ghost"]}]}, "groups.finance.members: no person 'ghost'"),
    ],
)
def test_what_does_not_fit_is_said_with_its_file_and_place(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert any(problem.startswith(said) for problem in problems_of(write(tmp_path, **changes)))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "people.yaml").unlink()

    assert problems_of(tmp_path) == ["bundle: people: Field required"]
