"""Policy bundles from YAML files: every mistake is found, and told with its file, line and column."""

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from adapters.policy_files import MAX_FILE_BYTES, read_bundle, warnings_of
from adapters.policy_files.document import Document
from domain.catalog import Autonomy, Bundle
from domain.errors import BundleInvalid
from tests.adapters.policy_mistakes import MISTAKES, Written
from tests.adapters.shop_policy import write
from tests.bundles import DOCUMENT
from tests.pages_of_docs import CHECKOUT

TODAY = date(2026, 11, 23)


def said_of(folder: Path) -> list[str]:
    """Return what is said of a folder's bundle; nothing when it is sound."""
    try:
        read_bundle(folder, TODAY)
    except BundleInvalid as refusal:
        return refusal.problems
    return []


def write_document(folder: Path, document: dict[str, Any]) -> Path:
    """Write a bundle, one top-level name a file."""
    for name, value in document.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({name: value}), encoding="utf-8")
    return folder


def test_files_make_up_one_bundle(tmp_path: Path) -> None:
    assert read_bundle(write_document(tmp_path, DOCUMENT), TODAY) == Bundle.model_validate(DOCUMENT)


def test_values_are_read_as_they_are_written(tmp_path: Path) -> None:
    shop = read_bundle(write(tmp_path), TODAY)

    ann = next(person for person in shop.people if person.id == "ann")
    assert (shop.version, shop.use_cases[1].autonomy) == ("2026-11-01", Autonomy.OFF)
    assert (str(ann.calendar.opens), str(ann.calendar.closes)) == ("08:30:00", "17:00:00")
    assert ann.absences[0].first_day == date(2026, 12, 24)


@pytest.mark.parametrize(("changes", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_its_place_and_what_to_write(
    tmp_path: Path, changes: list[Written], said: list[str]
) -> None:
    assert said_of(write(tmp_path, *changes)) == said


def test_a_warning_is_told_with_its_place_and_does_not_keep_the_bundle_from_loading(tmp_path: Path) -> None:
    shop = read_bundle(write(tmp_path), TODAY)

    assert warnings_of(tmp_path, shop) == [
        "guardrails.yaml:8:14: no condition asks what 'secrets' found, so it raises nothing: write a rule "
        "with when: signals.secrets.found, or take the check out"
    ]


@pytest.mark.parametrize("name", ["bank", "marketing", "teamchat"])
def test_the_examples_give_no_warnings(name: str) -> None:
    folder = CHECKOUT / "examples" / name / "policy"

    assert warnings_of(folder, read_bundle(folder, TODAY)) == []


def test_a_bundle_is_checked_as_on_a_day(tmp_path: Path) -> None:
    folder = write(tmp_path)

    read_bundle(folder, date(2030, 12, 31))
    with pytest.raises(BundleInvalid, match=r"use_cases.yaml:9:73: the data protection .* expired on 2030-12-31"):
        read_bundle(folder, date(2031, 1, 1))


def test_only_yaml_files_of_the_folder_itself_count(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "notes.txt").write_text("id: other")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "extra.yaml").write_text("id: other")

    assert read_bundle(tmp_path, TODAY).id == "shop"


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    assert said_of(tmp_path) == [f"{tmp_path}: no *.yaml files there; a bundle is a folder of them"]


def test_a_file_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("id: x")

    assert said_of(tmp_path / "x.yaml") == [f"{tmp_path}/x.yaml is not a folder; a bundle is a folder of *.yaml files"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2", "x.yaml:1:9: expected ',' or ']', but got '<stream end>': a '[' before it is not closed"),
        ("a: 1\nb: {c: 1\nd: 2", "x.yaml:3:2: expected ',' or '}', but got ':': a '{' before it is not closed"),
        ("a:\n\t- b", "x.yaml:2:1: found character '\\t' that cannot start any token: indent with spaces"),
        ("a:\n  - b\n c: d", "x.yaml:3:2: expected <block end>, but found '<block mapping start>': this line is"),
        ("a: 'b", "x.yaml:1:6: found unexpected end of stream: a quote before it is not closed"),
        ("a: 1\nb: 2\na: 3", "x.yaml:3:1: 'a' stands here twice; remove one of the two"),
        ("a:\n  b: 1\n  c: {d: 1, d: 2}", "x.yaml:3:13: 'd' stands here twice"),
        ("a: &x 1\nb: *x", "x.yaml:2:4: aliases are not allowed; write it out"),
        ("a: &x [*x]", "x.yaml:1:8: aliases are not allowed; write it out"),
        ("a: {<<: *x}", "x.yaml:1:9: aliases are not allowed; write it out"),
        ("a: !!python/object/apply:os.system [x]", "x.yaml:1:4: tags such as tag:yaml.org,2002:python/object/apply:os"),
        ("a: !!int x", "x.yaml:1:4: tags such as tag:yaml.org,2002:int are not allowed; write the value alone"),
        ("a: !x [1]", "x.yaml:1:4: tags such as !x are not allowed"),
        ("a: ! 5", "x.yaml:1:4: tags such as ! are not allowed"),
        ("a: 1\n---\nb: 2", "x.yaml:2:1: but found another document"),
        ("{[a]: 1}", "x.yaml:1:2: a name before ':' must be a text"),
        ("? {a: 1}\n: 2", "x.yaml:1:3: a name before ':' must be a text"),
        ("a: \x01", "x.yaml:1:4: the character '\\x01' cannot stand in YAML"),
        ('a: "\\ud83d"', "x.yaml:1:4: the text has half of a character"),
        ('a:\n  "b\\ud83d": 1', "x.yaml:2:3: the text has half of a character"),
        ('a: 1\nb: ["x", "y\\0"]', "x.yaml:2:10: the text has a NUL character"),
        ('a: {"b\\u0000": 1}', "x.yaml:1:5: the text has a NUL character"),
        ("a: x\0", "x.yaml:1:5: the character '\\x00' cannot stand in YAML"),
        ("a: 9007199254740992", "x.yaml:1:4: 9007199254740992 is too large for a number: write it in quotes"),
        (f"a: {'9' * 5000}", "x.yaml:1:4: 9999999999999999999999999999999999999999 is too large for a number"),
        ("a: 1e999", "x.yaml:1:4: 1e999 is too large for a number: write it in quotes"),
        ("a: " + "[" * 70, "x.yaml:1:63: it nests deeper than 60 levels"),
        ("[" * 20_000, "x.yaml:1:61: it nests deeper than 60 levels"),
        ("", "x.yaml:1:1: expected names with values, such as 'agents:', at the top level"),
        ("- a", "x.yaml:1:1: expected names with values, such as 'agents:', at the top level"),
        ("just text", "x.yaml:1:1: expected names with values, such as 'agents:', at the top level"),
    ],
)
def test_what_is_no_proper_yaml_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")

    (problem,) = said_of(tmp_path)

    assert problem.startswith(said), problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("yes", "yes"),
        ("17:00", "17:00"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("010", "010"),
        ("0x10", "0x10"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("<<", "<<"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("-5", -5),
        ("+5", 5),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("'5'", "5"),
    ],
)
def test_plain_values_are_those_of_json(text: str, value: object) -> None:
    assert Document(f"a: {text}").content == {"a": value}


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: \xff")

    assert said_of(tmp_path) == ["x.yaml:1:1: the file is not UTF-8 at byte 3; save it as UTF-8"]


def test_a_folder_with_a_files_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()

    assert said_of(tmp_path) == ["x.yaml:1:1: the file cannot be read: Is a directory"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))

    assert said_of(tmp_path) == [f"x.yaml:1:1: the file is larger than {MAX_FILE_BYTES} bytes; spread it over several"]


def test_problems_of_all_files_are_told_at_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("b: *x")
    (tmp_path / "a.yaml").write_text("a: 1\na: 1\n\n\n\n\n\n\nc: 1\nc: 1\n")
    (tmp_path / "c.yaml").write_text("- c")

    assert [problem.split(": ")[0] for problem in said_of(tmp_path)] == [
        "a.yaml:2:1",
        "a.yaml:10:1",
        "b.yaml:1:4",
        "c.yaml:1:1",
    ]


# Where in a text value something stands, whichever way the value is written.

STYLES = {
    "plain": "when: amount > @ 5",
    "plain over lines": "when: amount >\n    5 &&\n\n    count > @ 5",
    "single quotes": "when: 'region == ''eu'' && @'",
    "single quotes over lines": "when: 'region == ''eu'' &&\n\n   count > @ 5'",
    "double quotes": 'when: "region == \\"eu\\" && \\u0041 @"',
    "double quotes over lines": 'when: "region\\n ==   \n\n  \\\n    x && \\x41 @"',
    "folded": "when: >-\n  amount > 5 &&\n  count > @ 5\n",
    "folded with a blank line": "when: >\n  amount > 5 &&\n\n  count > @ 5\n",
    "folded, first line blank": "when: >-\n\n  count > @ 5\n",
    "literal": "when: |\n  amount > 5 &&\n  count > @ 5\n",
    "literal with blank lines, kept": "when: |+\n  amount > 5 &&\n\n\n  count > @ 5\n\n\n",
    "literal, indented by hand": "when: |2\n   amount > 5 && @\n",
    "in a flow": "{before: 1, when: amount > @ 5}",
    "after a comment": "# @ is not here: é\nbefore: é\nwhen: amount > @ 5",
}


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES.keys())
def test_a_place_inside_a_text_is_where_it_is_written(text: str) -> None:
    document = Document(text)
    assert document.faults == []
    offset = str(document.content["when"]).index("@")

    assert document.index_of(("when",), offset=offset) == text.rindex("@")


def test_a_place_inside_a_text_that_cannot_be_told_is_where_the_text_begins() -> None:
    text = "when: >\n  amount > 5 &&\n    more\n  @\n"
    document = Document(text)

    index = document.index_of(("when",), offset=str(document.content["when"]).index("@"))

    assert index == text.index(">")


@given(
    st.text(alphabet="ab '\"\\\n:#é@", max_size=40).map(lambda text: f"{text.replace('@', '')}@{text}"),
    st.sampled_from([None, "'", '"', "|", ">"]),
    st.sampled_from([20, 1000]),
)
def test_a_place_inside_a_text_is_right_or_where_the_text_begins(value: str, style: str | None, width: int) -> None:
    text = yaml.safe_dump({"when": value}, default_style=style, width=width, allow_unicode=True)
    document = Document(text)
    assert document.content == {"when": value}

    index = document.index_of(("when",), offset=value.index("@"))

    start = document.index_of(("when",))
    assert index == start or text[index] == "@"


@pytest.mark.parametrize(
    ("place", "at_name", "line_and_column"),
    [
        ((), False, (1, 1)),
        (("agents",), False, (2, 3)),
        (("agents",), True, (1, 1)),
        (("agents", 1, "id"), False, (3, 10)),
        (("agents", 1, "id"), True, (3, 6)),
        (("agents", 1, "owner"), False, (3, 5)),
        (("agents", 1, "owner"), True, (3, 5)),
        (("agents", 7), False, (2, 3)),
        (("agents", "id"), False, (2, 3)),
        (("people", 0), False, (1, 1)),
        (("agents", 0, "id", "deeper"), False, (2, 9)),
    ],
)
def test_a_place_is_that_of_the_nearest_value_there_is(
    place: tuple[str | int, ...], at_name: bool, line_and_column: tuple[int, int]
) -> None:
    document = Document("agents:\n  - id: a\n  - {id: b}\n")

    assert document.line_and_column(document.index_of(place, at_name)) == line_and_column


# Nothing that is wrong with a document is told in words for programmers.

WRONG: list[Any] = [None, True, 7, 1.5, "", "wrong wrong", "x" * 3000, [], [None], {}, {"x": 1}, [[1]], -1]
JARGON = ("Input should", "pydantic", "Value error", "validation", "NoneType", "valid string", "got type", "dict")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from leaves(inner, (*path, key))


def replaced(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return a document with the value at a path replaced."""
    made = copy.deepcopy(document)
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return made


RICH = {
    **DOCUMENT,
    "use_cases": [
        {
            **DOCUMENT["use_cases"][0],
            "raci": {"accountable": "olga", "responsible": ["ann"]},
            "data_sources": [{"id": "crm", "classification": "personal", "values": ["x"]}],
            "controls": {"dpia": {"required": True, "status": "draft", "expires": "2026-01-01"}, "retention_days": 5},
            "calendar": {"opens": "09:00", "days": ["mon"], "time_zone": "UTC"},
            "style": {"max_reading_grade": 9, "link_domains": ["a.example"]},
        },
        *DOCUMENT["use_cases"][1:],
    ],
    "guardrails": {
        "rate_limits": [{"id": "a", "limit": 1, "window": "1h", "per": ["agent"], "actions": {"agents": ["clerk"]}}],
        "permissions": [{"id": "p", "data": {"crm": "read"}}],
        "checks": [{"check": "secrets", "settings": {}, "time_limit_ms": 5}],
    },
}
PATHS = [path for path in leaves(RICH) if path]


@given(st.sampled_from(PATHS), st.sampled_from(WRONG))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_wrong_is_told_in_plain_words_and_with_its_place(
    tmp_path: Path, path: tuple[str | int, ...], value: Any
) -> None:
    said = said_of(write_document(tmp_path, replaced(RICH, path, value)))

    for line in said:
        file, number, column, message = line.split(":", 3)
        assert file.endswith(".yaml") and int(number) >= 1 and int(column) >= 1 and message.strip()
        assert not any(word in line for word in JARGON), line
