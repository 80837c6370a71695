import doctest
import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from adapters.notifiers.slack import text as slack_text
from adapters.notifiers.slack.arguments import argument_blocks
from adapters.notifiers.slack.buttons import (
    APPROVE,
    APPROVE_ON_PAGE,
    APPROVE_WITH_REASON,
    MORE,
    REJECT,
    buttons_id,
    sealed_in,
)
from adapters.notifiers.slack.cards import Card, card, card_id
from adapters.notifiers.slack.seal import Choice
from adapters.notifiers.slack.standing import decision
from domain.action import Context, ExecutionResult, Outcome, State, Tier
from domain.approval import ApprovalOutcome, AskedToo, Decision, Door, Questions, Vote
from domain.approval_plan import PlannedStep
from domain.canonical import revision_bytes
from domain.catalog import Stage
from domain.errors import InvalidRequest
from domain.policy import Policy
from domain.record import ActionRecord
from domain.risk import Raise
from tests.bundles import DOCUMENT, policy
from tests.holds import hold
from tests.slack_front.payloads import message_problems
from tests.slack_records import (
    ACTION_ID,
    MAIL,
    NOW,
    PLACE,
    POLICY,
    PUBLIC_URL,
    REFUND,
    SEAL,
    asked,
    executed,
    voted,
    waiting,
)

LINK = f"https://remit.test.example/review/{ACTION_ID}"
LIMITS = {"header": 150, "section": 3000, "context": 3000}
# What Remit itself writes between < and >: links to its pages, times, and mentions of catalog people.
OWN_MARKUP = re.compile(rf"<{re.escape(LINK)}(\|[^<>]*)?>|<!date\^\d+\^{{date_short_pretty}} {{time}}\|[^<>]* UTC>")

hostile = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("<>&*_~`|\n\r\t\\\"'!@#:│•\u202e\u2066\u200b\u200d\u0000\u007f\u2028\ufe0e\U000e0041"),
    ),
    max_size=400,
)


def drawn(record: ActionRecord, rules: Policy = POLICY, earlier: bytes | None = None) -> Card:
    """Draw a card and check it against everything Slack demands of one."""
    result = card(record, rules, PUBLIC_URL, PLACE, earlier)
    require_valid(result.blocks)
    assert 0 < len(result.text) <= 4000
    for text in [*texts(result.blocks), result.text]:
        assert "<" not in OWN_MARKUP.sub("", text) and ">" not in without_quote_marks(OWN_MARKUP.sub("", text)), text
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    return result


def require_valid(blocks: list[dict[str, Any]]) -> None:
    assert message_problems(blocks) == []
    assert 0 < len(blocks) <= 50
    assert sum(slack_text.units(text) for text in texts(blocks)) <= 13_000
    parsed = [Block.parse(block) for block in blocks]
    for block, model in zip(blocks, parsed, strict=True):
        assert model is not None
        assert {**model.to_dict(), "block_id": None} == {**block, "block_id": None}
        for text in texts([block]):
            assert 0 < slack_text.units(text) <= LIMITS.get(block["type"], 3000)
        assert len(block.get("fields", [])) <= 10
        assert all(slack_text.units(field["text"]) <= 2000 for field in block.get("fields", []))
    identifiers = [block["block_id"] for block in blocks if "block_id" in block]
    actions = [element["action_id"] for block in blocks for element in block.get("elements", []) if "value" in element]
    assert len(identifiers) == len(set(identifiers)) and all(len(name) <= 255 for name in identifiers)
    assert len(actions) == len(set(actions))


def without_quote_marks(text: str) -> str:
    return re.sub(r"^> ", "", text, flags=re.MULTILINE)


def texts(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        objects = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
        for found in objects:
            if found is not None and "text" in found:
                shown = found["text"]
                yield shown["text"] if isinstance(shown, dict) else shown


def buttons(shown: Card) -> dict[str, dict[str, Any]]:
    rows = [block for block in shown.blocks if block["type"] == "actions"]
    return {element["action_id"]: element for row in rows for element in row["elements"]}


def words(shown: Card) -> str:
    return "\n".join(texts(shown.blocks))


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(slack_text).failed == 0


def test_a_waiting_card_says_what_who_why_and_until_when() -> None:
    context = Context(reasoning="The parcel was broken.", on_behalf_of="ana@customer.example", region="EU")

    shown = drawn(waiting(REFUND, context=context))

    assert shown.blocks[0] == {
        "type": "header",
        "block_id": card_id(ACTION_ID),
        "text": {"type": "plain_text", "text": "Refund a customer", "emoji": False},
    }
    said = words(shown)
    for part in (
        "*Medium risk.* Waiting for finance: 0 of 1 approvals.",
        "*Can it be undone?*\n:warning: *No.*",
        "tier *medium*\n`financial    ███░░ 3`",
        "*Agent*\nClerk (`clerk`)",
        "*Use case*\nCustomer support (`support`)",
        "*Owner*\nOlga Owner (`olga`)",
        '*On behalf of (the agent says)*\n`"ana@customer.example"`',
        "*Approvals*\n0 of 1: finance",
        "*Why you are asked:* the tier is medium",
        "• financial 3 of 5: money leaves the company (`fin.refund`)",
        "*amount_minor*\n`4200`",
        '*note*\n`"arrived broken"`',
        "(its claim: nobody has checked it)\n> The parcel was broken.",
        f"<{LINK}|Open the review page>",
    ):
        assert part in said
    until = NOW + timedelta(days=2)
    assert f"<!date^{int(until.timestamp())}^{{date_short_pretty}} {{time}}|2026-03-06 09:30 UTC>" in said
    assert "Refund a customer by agent clerk" in shown.text and LINK in shown.text


def test_the_buttons_carry_the_action_and_the_exact_revision() -> None:
    record = waiting(REFUND)

    shown = drawn(record)

    found = buttons(shown)
    choice = Choice(action=ACTION_ID, revision=record.action.digest, channel=PLACE.channel)
    assert list(found) == [APPROVE, REJECT, MORE]
    assert [found[APPROVE]["style"], found[REJECT]["style"]] == ["primary", "danger"]
    assert shown.blocks[-1]["block_id"] == buttons_id(SEAL.sealed(choice))
    assert SEAL.opened(sealed_in(shown.blocks[-1]["block_id"])) == choice
    for name in (APPROVE, REJECT):
        assert SEAL.opened(found[name]["value"]) == choice
    assert ACTION_ID not in found[APPROVE]["value"] and record.action.digest not in str(found)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            voted(waiting(REFUND), "ann", reason="It is broken."),
            "✅ *Approved.* It is being executed. By Ann Approver,",
        ),
        (executed(voted(waiting(REFUND), "ann")), "✅ *Approved and done.* By Ann Approver, 2026-03-04 09:35 UTC."),
        (
            executed(voted(waiting(REFUND), "ann"), ExecutionResult(outcome=Outcome.FAILED, result={"error": "no"})),
            "❌ *Approved, but it failed.* By Ann Approver, 2026-03-04 09:35 UTC.",
        ),
        (
            executed(voted(waiting(REFUND), "ann"), ExecutionResult(outcome=Outcome.IN_DOUBT)),
            "❓ *Approved, but in doubt:*",
        ),
        (
            voted(waiting(REFUND), "bob", Decision.REJECT, "Too <much>"),
            "• Bob Approver (finance) *rejected* 2026-03-04 09:35 UTC by slack: “Too &lt;much&gt;”",
        ),
    ],
)
def test_a_decided_card_has_no_buttons_and_says_who_decided(record: ActionRecord, said: str) -> None:
    shown = drawn(record)

    assert buttons(shown) == {}
    assert said in words(shown)
    assert shown.blocks[0]["block_id"] == card_id(ACTION_ID)


@pytest.mark.parametrize("outcome", [ApprovalOutcome.EXPIRED, ApprovalOutcome.CANCELLED])
def test_a_card_nobody_decided_has_no_buttons_and_says_that_nothing_was_executed(outcome: ApprovalOutcome) -> None:
    record = waiting(REFUND)
    approval = asked(record).model_copy(update={"outcome": outcome, "decided_at": NOW})

    shown = drawn(record.model_copy(update={"approval": approval, "state": State(outcome.value)}))

    assert buttons(shown) == {}
    assert "othing was executed" in words(shown)
    assert decision(record.model_copy(update={"approval": approval}), POLICY)


def test_a_first_vote_of_two_is_on_the_card_and_the_buttons_stay() -> None:
    record = voted(waiting({**REFUND, "amount_minor": 250_000}), "ann", reason="I checked.")

    shown = drawn(record)

    assert "*High risk.* Waiting for finance: 1 of 2 approvals." in words(shown)
    assert "Ann Approver (finance) *approved* 2026-03-04 09:35 UTC by slack: “I checked.”" in words(shown)
    assert list(buttons(shown)) == [APPROVE, REJECT, MORE]


def test_the_result_of_the_execution_is_shown_as_code_or_by_its_size() -> None:
    approved = voted(waiting(REFUND), "ann")

    assert '`{"id":"r-77","status":201}`' in words(drawn(executed(approved)))
    long = ExecutionResult(outcome=Outcome.SUCCEEDED, result={"body": "x" * 5000})
    assert f"<{LINK}|an answer of 5,0" in words(drawn(executed(approved, long)))


def test_text_of_several_lines_is_shown_whole_as_a_quote() -> None:
    body = "Dear Ana,\n\nresults are guaranteed.\n\nBob"

    said = words(drawn(waiting({**MAIL, "body": body}, action_type="mail.send")))

    assert f"*body* (text of {len(body)} characters)\n> Dear Ana,\n> \n> results are guaranteed.\n> \n> Bob" in said


def test_nested_arguments_are_shown_as_json() -> None:
    shown = argument_blocks(revision_bytes({"lines": [{"sku": "a`b", "n": 1}]}), LINK)

    require_valid(shown.blocks)
    assert shown.complete
    assert '> `    "sku": "a\\u0060b"`' in "\n".join(texts(shown.blocks))


@pytest.mark.parametrize("length", [100, 2900, 3000, 5900])
def test_a_text_within_the_limits_is_shown_whole(length: int) -> None:
    body = "&" * (length // 5)

    shown = argument_blocks(revision_bytes({"body": body}), LINK)

    require_valid(shown.blocks)
    assert shown.complete
    assert "".join(texts(shown.blocks)).count("&amp;") == len(body)


@pytest.mark.parametrize(
    "arguments",
    [
        {"body": "x" * 60_000, "to": "ana"},
        {"body": "<" * 2000, "to": "ana"},
        {f"key{n}": "v" * 140 for n in range(300)},
        {f"key{n}": "two\nlines" * 20 for n in range(200)},
        {"k" * 5000: 1, "to": "ana"},
        {"list": list(range(9000))},
    ],
    ids=["long", "long once escaped", "many", "many texts", "long name", "long list"],
)
def test_what_does_not_fit_is_named_with_its_size_and_a_link(arguments: dict[str, Any]) -> None:
    data = revision_bytes(arguments)

    shown = argument_blocks(data, LINK)

    require_valid(shown.blocks)
    said = "\n".join(texts(shown.blocks))
    assert not shown.complete
    assert f"{len(data):,} bytes" in said and "not shown here" in said and "characters" in said
    assert f"<{LINK}|Read all arguments on the review page>" in said


def test_a_high_tier_card_that_cannot_show_everything_does_not_offer_approve() -> None:
    high = waiting({**REFUND, "amount_minor": 250_000})
    long = waiting({**MAIL, "body": "guaranteed", "attachment": "line\n" * 4000}, action_type="mail.send")

    shown = drawn(long.model_copy(update={"judgement": high.judgement}))

    assert list(buttons(shown)) == [REJECT, MORE]
    assert f"<{LINK}|open the review page to approve>" in words(shown)
    assert list(buttons(drawn(long))) == [APPROVE, REJECT, MORE]


def test_a_long_reasoning_says_that_this_is_its_beginning() -> None:
    said = words(drawn(waiting(REFUND, context=Context(reasoning="because " * 3000))))

    assert f"the beginning of 24,000 characters: <{LINK}|read all>" in said


@settings(max_examples=150, deadline=None)
@given(note=hostile, reasoning=hostile, person=hostile.map(lambda text: text[:200]), key=hostile)
def test_nothing_an_agent_writes_leaves_its_place(note: str, reasoning: str, person: str, key: str) -> None:
    context = Context(reasoning=reasoning, on_behalf_of=person, region=note[:40])
    arguments = {"to": note, "subject": reasoning, "body": f"guaranteed {note}", key: {key: [note, reasoning]}}
    try:
        record = waiting(arguments, action_type="mail.send", context=context)
    except InvalidRequest:
        return  # not representable in canonical JSON, so it never became an action

    shown = drawn(record)

    assert SEAL.opened(buttons(shown)[APPROVE]["value"]).revision == record.action.digest
    assert all("```" not in text for text in texts(shown.blocks))


@settings(max_examples=100, deadline=None)
@given(first=hostile, second=hostile)
@example(first="\\u202e", second="\u202e")
@example(first="\\n", second="\n")
@example(first="\\\\", second="\\")
def test_different_texts_look_different(first: str, second: str) -> None:
    assert (slack_text.literal(first) == slack_text.literal(second)) == (first == second)
    assert (slack_text.one_line(first) == slack_text.one_line(second)) == (first == second)


@settings(max_examples=100, deadline=None)
@given(value=hostile)
def test_inline_code_is_the_very_value(value: str) -> None:
    shown = slack_text.code(value)

    assert shown.startswith("`") and shown.endswith("`") and "`" not in shown[1:-1] and "\n" not in shown
    back = shown[1:-1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert json.loads(back) == value


@settings(max_examples=100, deadline=None)
@given(text=hostile, limit=st.integers(min_value=20, max_value=200))
@example(text="a ```fence\nleaves``` b", limit=200)
def test_a_quote_keeps_every_character_behind_its_bar(text: str, limit: int) -> None:
    parts = list(slack_text.quoted(text, limit))

    assert all(slack_text.units(part) <= limit for part in parts)
    assert all(line.startswith("> ") for part in parts for line in part.split("\n"))
    assert all("```" not in part for part in parts)
    kept = "".join(line[2:] for part in parts for line in part.split("\n"))
    assert kept == slack_text.escaped(text.replace("```", "\\u0060" * 3)).replace("\n", "")


def planned(record: ActionRecord, **plan: Any) -> ActionRecord:
    """Return the record with its plan changed."""
    approval = asked(record)
    changed = approval.model_copy(update={"plan": approval.plan.model_copy(update=plan)})
    return record.model_copy(update={"approval": changed})


def test_a_card_shows_the_stages_and_how_far_they_are() -> None:
    record = planned(
        waiting(REFUND), stages=[Stage(group="finance", quorum=2), Stage(group="on-call"), Stage(group="finance")]
    )

    first = words(drawn(voted(record, "ann")))
    second = words(drawn(voted(voted(record, "ann"), "bob")))

    assert "*Medium risk.* Stage 1 of 3: waiting for finance: 1 of 2 approvals." in first
    assert "*Stages*\n1. 1 of 2: finance\n2. not asked yet: on-call (1)\n3. not asked yet: finance (1)" in first
    assert "*Medium risk.* Stage 2 of 3: waiting for on-call: 0 of 1 approvals." in second
    assert "1. 2 of 2: finance ✓\n2. 0 of 1: on-call\n3. not asked yet: finance (1)" in second
    assert "• Ann Approver (finance) *approved*" in second


def test_a_card_of_one_stage_speaks_of_none() -> None:
    said = words(drawn(waiting(REFUND)))

    assert "tage" not in said and "*Approvals*\n0 of 1: finance" in said


def test_where_an_approval_needs_a_reason_the_button_asks_for_it() -> None:
    record = planned(waiting(REFUND), reason_required=True)

    found = buttons(drawn(record))

    assert list(found) == [APPROVE_WITH_REASON, REJECT, MORE]
    assert SEAL.opened(found[APPROVE_WITH_REASON]["value"]).revision == record.action.digest


def test_a_card_says_that_nobody_could_be_excluded_for_a_requester_who_is_not_known() -> None:
    context = Context(on_behalf_of="ana@customer.example")

    said = words(drawn(planned(waiting(REFUND, context=context), requester_unknown=True)))

    assert (
        '*On behalf of (the agent says)*\n`"ana@customer.example"`, who is not in the catalog: nobody could be excluded'
    ) in said
    assert "not in the catalog" not in words(drawn(waiting(REFUND, context=context)))


def test_a_delegates_vote_says_in_whose_place() -> None:
    approval = asked(voted(waiting(REFUND), "ann"))
    vote = Vote.model_validate({**approval.votes[0].model_dump(), "person": "out", "in_place_of": "ann"})
    record = waiting(REFUND).model_copy(update={"approval": approval.model_copy(update={"votes": [vote]})})

    assert "• Otto Outsider (finance) in the place of Ann Approver *approved*" in words(drawn(record))


def test_an_approval_that_became_too_old_is_shown_as_that_and_not_as_silence() -> None:
    record = voted(planned(waiting(REFUND), approval_lifetime=timedelta(hours=1)), "ann")

    said = words(drawn(record.model_copy(update={"state": State.EXPIRED})))

    assert (
        "⌛ *Approved, but not executed in time.* The approval was good until 2026-03-04 10:35 UTC; "
        "nothing was executed. By Ann Approver, 2026-03-04 09:35 UTC."
    ) in said
    assert "Nobody decided" not in said


def test_a_held_card_says_which_hold_and_why_and_has_no_buttons() -> None:
    on = hold(id="00af", reason="it <refunds> everybody")

    shown = drawn(waiting(REFUND).model_copy(update={"hold": on}))

    assert buttons(shown) == {}
    said = words(shown)
    assert "Waiting for finance: 0 of 1 approvals." in said
    assert "⏸️ *Held.* Nothing runs, nobody can decide and the clock stands still until it is lifted" in said
    assert "hold `00af` on agent 'clerk', placed 2026-03-02 09:00 UTC by kira: it &lt;refunds&gt; everybody" in said


def test_an_approved_and_held_card_does_not_say_that_it_is_being_executed() -> None:
    shown = drawn(voted(waiting(REFUND), "ann").model_copy(update={"hold": hold()}))

    assert "✅ *Approved.* By Ann Approver" in words(shown)
    assert "⏸️ *Held.*" in words(shown)


def test_stages_that_are_asked_together_are_counted_each() -> None:
    stages = [Stage(group="finance"), Stage(group="on-call", alongside=True)]
    record = planned(waiting(REFUND), stages=stages)
    both = record.model_copy(update={"approval": asked(record).model_copy(update={"groups": ["finance", "on-call"]})})

    first, second = words(drawn(both)), words(drawn(voted(both, "ann")))

    assert "Stages 1 and 2 of 2: waiting for finance and on-call: 0 of 1 and 0 of 1 approvals." in first
    assert "Stage 2 of 2: waiting for on-call: 0 of 1 approvals." in second
    assert "*Stages*\n1. 1 of 1: finance ✓\n2. 0 of 1: on-call" in second


def test_whom_an_escalation_added_is_named_with_the_stage() -> None:
    approval = asked(waiting(REFUND)).model_copy(update={"asked_too": [AskedToo(stage=1, person="cem")]})

    said = words(drawn(waiting(REFUND).model_copy(update={"approval": approval})))

    assert "*Approvals*\n0 of 1: finance or cem" in said


def test_the_scores_are_bars_and_only_those_above_zero() -> None:
    said = words(drawn(waiting({**REFUND, "amount_minor": 250_000})))

    assert "🔴 tier *high*\n`financial    █████ 5`" in said
    assert "privacy" not in said and "regulatory" not in said


def test_what_raised_the_tier_is_among_the_reasons() -> None:
    record = waiting(REFUND)
    assert record.judgement is not None
    raised = [Raise(by="check:secrets", tier=Tier.HIGH, reason="it gave <no> answer")]
    assessment = record.judgement.assessment.model_copy(update={"raised": raised, "tier": Tier.HIGH})
    judged = record.judgement.model_copy(update={"assessment": assessment})

    said = words(drawn(record.model_copy(update={"judgement": judged})))

    assert "• raised to high by check:secrets: it gave &lt;no&gt; answer" in said


def test_characters_that_cannot_be_seen_are_written_out_and_pointed_at() -> None:
    arguments = {**MAIL, "subject": "Your \u202eorder", "body": "all is\u200b well", "list": [{"\u2066": 1}]}
    context = Context(reasoning="It is \u202efine.")

    said = words(drawn(waiting(arguments, action_type="mail.send", context=context)))

    flag = r"*Characters that cannot be seen or that reorder text*, as `\uXXXX`, in *body*, *list*, *subject*."
    assert flag in said
    assert r'`"Your \u202eorder"`' in said and r"It is \u202efine." in said
    assert r"(its claim: nobody has checked it) :warning: *holds characters that cannot be seen" in said
    assert "cannot be seen" not in words(drawn(waiting(MAIL, action_type="mail.send")))


def test_a_later_revision_shows_what_changed_field_by_field() -> None:
    earlier = revision_bytes({**REFUND, "amount_minor": 9900, "gone": True})

    said = words(drawn(waiting({**REFUND, "note": "arrived `broken`"}), earlier=earlier))

    assert "*Changed since the revision before* (3):" in said
    assert "• `amount_minor`: `9900` → `4200`" in said
    assert r'• `note`: `"arrived broken"` → `"arrived \u0060broken\u0060"`' in said
    assert "• `gone`: `true` → _not there_" in said
    assert "revision before" not in words(drawn(waiting(REFUND)))


@settings(max_examples=60, deadline=None)
@given(before=hostile, after=hostile, key=hostile)
def test_no_difference_leaves_its_place(before: str, after: str, key: str) -> None:
    try:
        earlier = revision_bytes({key: before, "note": {key: [before]}, "long": before * 50})
        record = waiting(
            {key: after, "note": {key: [after]}, "to": "a", "subject": "", "body": "guaranteed"},
            action_type="mail.send",
        )
    except InvalidRequest:
        return  # not representable in canonical JSON, so it never was a revision

    drawn(record, earlier=earlier)


def test_questions_and_answers_stand_on_the_card_and_nobody_can_approve_between_them() -> None:
    asking = Questions(person="ann", text="Which <parcel>?", door=Door.SLACK, at=NOW)
    approval = asked(waiting(REFUND)).model_copy(update={"questions": [asking]})
    returned = waiting(REFUND).model_copy(update={"approval": approval})
    answered = asking.model_copy(update={"answer": "The *blue* one.", "answered_at": NOW})
    back = returned.model_copy(update={"approval": approval.model_copy(update={"questions": [answered]})})

    while_asked, after = drawn(returned), drawn(back)

    assert list(buttons(while_asked)) == [REJECT, MORE] and list(buttons(after)) == [APPROVE, REJECT, MORE]
    assert "Returned to the agent with questions: nobody can approve before it answers." in words(while_asked)
    assert "• Ann Approver *asks the agent* 2026-03-04 09:30 UTC: “Which &lt;parcel&gt;?”" in words(while_asked)
    assert '• *The agent answers* (its claim) 2026-03-04 09:30 UTC: `"The *blue* one."`' in words(after)


def test_where_people_sign_in_anew_approve_leads_to_the_page() -> None:
    found = buttons(drawn(planned(waiting(REFUND), step_up=True)))

    assert list(found) == [APPROVE_ON_PAGE, REJECT, MORE]
    assert found[APPROVE_ON_PAGE]["url"] == LINK and "value" not in found[APPROVE_ON_PAGE]


def test_the_menu_offers_what_can_be_done_in_short_words() -> None:
    editable = policy(
        action_types=[
            {**each, "editable": ["amount_minor"]} if each["id"] == "refund.create" else each
            for each in DOCUMENT["action_types"]
        ]
    )

    reminded = planned(waiting(REFUND), steps=[PlannedStep(number=1, at=NOW)])
    extensible = planned(reminded, extension=timedelta(hours=4))

    offered = [
        [option["value"] for option in buttons(drawn(record, rules))[MORE]["options"]]
        for record, rules in ((waiting(REFUND), POLICY), (reminded, editable), (extensible, editable))
    ]

    assert offered[0] == ["ask", "reassign", "details"]
    assert offered[1] == ["edit", "ask", "reassign", "snooze", "details"]
    assert offered[2] == ["edit", "ask", "reassign", "snooze", "extend"], "Slack takes five"
    assert buttons(drawn(reminded))[MORE]["options"][-1]["url"] == LINK


def test_a_card_on_which_everything_is_as_long_as_it_can_be_still_fits() -> None:
    worst = "\u202e<`" * 10
    arguments = {f"{worst}{n}": worst * 4 for n in range(30)} | {"amount": 1, "people": [worst * 3] * 9}
    context = Context(reasoning=worst * 900, on_behalf_of=worst * 6, region=worst)
    stages = [Stage(group="finance", quorum=9), *[Stage(group="on-call", quorum=9)] * 4]
    record = planned(
        waiting({**arguments, **MAIL, "body": "guaranteed"}, action_type="mail.send", context=context), stages=stages
    )
    questions = [
        Questions(person="ann", text=worst * 60, door=Door.SLACK, at=NOW, answer=worst * 60, answered_at=NOW)
    ] * 20
    approval = asked(voted(voted(record, "ann", reason=worst * 20), "bob", reason=worst * 20))
    full = record.model_copy(update={"approval": approval.model_copy(update={"questions": questions})})
    roles = {"amount": "amount", "recipients": ["people"], "accounts": ["people"]}
    rules = policy(
        action_types=[{**each, "roles": roles, "undo": "u" * 150} for each in DOCUMENT["action_types"]],
    )

    shown = drawn(executed(full), rules, earlier=revision_bytes({**MAIL, f"{worst}x": worst * 50}))

    assert not buttons(shown)
    assert list(buttons(drawn(full, rules, earlier=revision_bytes(REFUND)))) == [APPROVE, REJECT, MORE]
