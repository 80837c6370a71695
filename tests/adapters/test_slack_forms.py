"""The forms and Homes that Slack would take, whatever stands in the action."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.notifiers.slack.buttons import APPROVE, APPROVE_WITH_REASON, REJECT, Place
from adapters.notifiers.slack.edit_form import Draft, edit_view, offered
from adapters.notifiers.slack.forms import about, between, form, moment_input, person_input, reason_input
from adapters.notifiers.slack.home import DECIDED, OPEN_PAGE, PAGE, TURN_PAGE, HomePage, Waiting, home_view
from domain.action import Tier
from domain.canonical import revision_bytes
from domain.catalog import Person
from domain.editing import MAX_FIELDS, edited, form_of
from domain.record import ActionRecord
from tests.slack_front import view_problems
from tests.slack_records import NOW, POLICY, PUBLIC_URL, REFUND, SEAL, asked, waiting

REVISION = "sha256:" + "a" * 64
LINK = "https://remit.test.example/review/1"
METADATA = "m" * 700
HOME = Place("U01ANN", SEAL)
values = st.recursive(
    st.text() | st.integers(-(10**15), 10**15) | st.booleans() | st.none() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=20,
)


def fields_of(arguments: dict[str, Any]) -> Any:
    return form_of(arguments, list(arguments), {"properties": {}})


def drawn(arguments: dict[str, Any], draft: Draft | None = None) -> dict[str, Any]:
    return edit_view("0" * 32, REVISION, fields_of(arguments), LINK, METADATA, draft)


def inputs(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}


@settings(max_examples=40)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), values, max_size=8))
def test_slack_takes_the_form_of_any_arguments_and_what_nobody_touched_stays_as_it_is(
    arguments: dict[str, Any],
) -> None:
    view = drawn(arguments)
    assert view_problems(view) == []

    fields = fields_of(arguments)
    typed = {field.key: field.text for field in offered(fields)[0]}
    assert edited(arguments, fields, typed) == arguments
    before = json.dumps(arguments).encode()
    assert view_problems(drawn(arguments, Draft(typed, "why", before, json.dumps({"x": arguments}).encode()))) == []


def test_each_kind_of_field_has_its_own_input() -> None:
    arguments = {"text": "a", "long": "a\nb", "number": 2.5, "huge": 1e22, "yes": True, "list": ["a", "b"], "none": 0}

    kinds = {field.label: inputs(drawn(arguments))[field.key] for field in fields_of(arguments).fields}

    assert {label: element["type"] for label, element in kinds.items()} == {
        "text": "plain_text_input",
        "long": "plain_text_input",
        "number": "plain_text_input",
        "huge": "plain_text_input",
        "yes": "radio_buttons",
        "list": "plain_text_input",
        "none": "plain_text_input",
    }
    assert [kinds[label]["multiline"] for label in ("text", "long", "list")] == [False, True, True]
    assert kinds["yes"]["initial_option"]["value"] == "true"
    assert kinds["list"]["initial_value"] == "a\nb"


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"a": "x" * 3000}, []),
        ({"a": "x" * 3001, "b": "y"}, ["a"]),
        ({"a": "😀" * 1501, "b": "y"}, ["a"]),
        ({f"f{n:03}": "x" * 2999 for n in range(10)}, [f"f{n:03}" for n in range(6, 10)]),
        ({f"f{n:03}": "x" for n in range(60)}, [f"f{n:03}" for n in range(40, 60)]),
        ({"n" * 501: "x", "b": "y"}, ["n" * 501]),
        ({f"f{n:03}": {"deep": "x"} for n in range(MAX_FIELDS + 5)}, None),
    ],
)
def test_what_does_not_fit_is_named_and_linked(arguments: dict[str, Any], left: list[str] | None) -> None:
    view = drawn(arguments)

    assert view_problems(view) == []
    if left is not None:
        assert offered(fields_of(arguments))[1] == left
    assert ("edit it on the review page" in str(view)) == (left != [])


def test_the_other_forms_fit_whatever_people_are_called() -> None:
    people = [Person(id=f"p{n}", name="<!channel> " + "n" * (n + 1), email=f"p{n}@test.example") for n in range(150)]
    blocks = [about("0" * 32, REVISION), person_input("Who?", people), reason_input("Why?", typed="x" * 2000)]
    blocks[1]["block_id"] = "to"

    assert view_problems(form("remit_reassign", "Reassign", "Reassign", METADATA, blocks)) == []
    assert len(blocks[1]["element"]["options"]) == 100
    window = [between(NOW, NOW + timedelta(days=1)), moment_input("When?", NOW)]
    assert view_problems(form("remit_extend", "Extend", "Extend", METADATA, window)) == []


def home(records: list[ActionRecord], **changes: Any) -> dict[str, Any]:
    shown = HomePage([Waiting(record) for record in records[:PAGE]], len(records), [], "You are not away.")
    return home_view(shown._replace(**changes), POLICY, PUBLIC_URL, HOME)


def rows(view: dict[str, Any]) -> list[list[str]]:
    return [[each["action_id"] for each in block["elements"]] for block in view["blocks"] if block["type"] == "actions"]


def test_a_full_page_of_the_longest_requests_fits_and_leads_to_the_next_one() -> None:
    long = {"customer": "c-7", "amount_minor": 4200, "note": "<!channel>漢" * 15}
    records = [waiting(long, action_id=f"{n:032x}") for n in range(3 * PAGE)]
    whole = [Waiting(record, "漢" * 290, "漢" * 290) for record in records[:PAGE]]
    decided = [(record, "you voted to approve it") for record in records[:DECIDED]]

    view = home(records, waiting=whole, page=1, said="x" * 5000, decided=decided)

    assert view_problems(view) == []
    assert rows(view)[-1] == [*TURN_PAGE]
    assert "Page 2 of 3" in str(view)
    assert "<!channel>" not in str(view)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=30), values, max_size=12))
def test_slack_takes_the_home_of_any_arguments(arguments: dict[str, Any]) -> None:
    record = waiting(REFUND)
    action = record.action.model_copy(update={"arguments_bytes": revision_bytes(arguments)})

    assert view_problems(home([record.model_copy(update={"action": action})])) == []


def test_similar_requests_stand_under_one_heading() -> None:
    records = [waiting(REFUND, action_id=f"{n:032x}") for n in range(3)]

    view = home(records)

    headings = [block for block in view["blocks"] if block["type"] == "context" and "Customer support" in str(block)]
    assert len(headings) == 1


@pytest.mark.parametrize(
    ("tier", "arguments", "plan", "why_not", "expected"),
    [
        (Tier.MEDIUM, REFUND, {}, None, [OPEN_PAGE, APPROVE, REJECT]),
        (Tier.MEDIUM, {**REFUND, "note": "n" * 400}, {}, None, [OPEN_PAGE, APPROVE, REJECT]),
        (Tier.HIGH, REFUND, {}, None, [OPEN_PAGE, APPROVE, REJECT]),
        (Tier.HIGH, {**REFUND, "note": "n" * 400}, {}, None, [OPEN_PAGE]),
        (Tier.HIGH, REFUND, {"step_up": True}, None, [OPEN_PAGE]),
        (Tier.MEDIUM, REFUND, {"reason_required": True}, None, [OPEN_PAGE, APPROVE_WITH_REASON, REJECT]),
        (Tier.MEDIUM, REFUND, {}, "the agent owes an answer", [OPEN_PAGE, REJECT]),
    ],
)
def test_home_offers_what_a_card_would(
    tier: Tier, arguments: dict[str, Any], plan: dict[str, Any], why_not: str | None, expected: list[str]
) -> None:
    record = waiting(arguments)
    assert record.judgement is not None
    assessment = record.judgement.assessment.model_copy(update={"tier": tier})
    approval = asked(record)
    approval = approval.model_copy(update={"plan": approval.plan.model_copy(update=plan)})
    judgement = record.judgement.model_copy(update={"assessment": assessment})
    record = record.model_copy(update={"judgement": judgement, "approval": approval})

    view = home([record], waiting=[Waiting(record, "money leaves <the> company", why_not)])

    assert rows(view) == [expected]
    assert "money leaves &lt;the&gt; company" in str(view) and (why_not or "") in str(view)
    assert view_problems(view) == []


def test_an_empty_home_says_so() -> None:
    view = home([])

    assert view_problems(view) == []
    assert "Nothing waits for you" in str(view)
