"""A bundle's approvals, rotations and attention: what could never work is refused, with what to do about it."""

from typing import Any

import pytest

from domain.catalog.checking import checked
from tests.domain.broken_bundles import TODAY, Change, add, changed, part, put, said_of

WORKING = {"time_zone": "Europe/Berlin", "holidays": "DE-BY"}
NIGHTS = {"time_zone": "Europe/Berlin", "opens": "22:00", "closes": "06:00"}
MINUTE = {"days": ["mon"], "opens": "09:00", "closes": "09:01"}


def approval(**values: Any) -> Change:
    """Return a change that adds an approval of finance."""
    return add("approvals", **{"id": "new", "group": "finance", "expire_after": "8h", **values})


def staged(*stages: dict[str, Any], **values: Any) -> Change:
    """Return a change that adds an approval in stages, each of finance where it does not say otherwise."""
    return approval(group=None, stages=[{"group": "finance", **stage} for stage in stages], **values)


def steps(*written: dict[str, Any], **values: Any) -> Change:
    """Return a change that adds an approval of finance with these steps."""
    return approval(escalation=list(written), **values)


def rotation(**values: Any) -> Change:
    made = {"id": "weekly", "members": ["ann", "bob"], "starts_on": "2026-11-02", **values}
    return lambda document: document.setdefault("rotations", []).append(made)


def left(name: str) -> Change:
    return put("people", name, left_on="2026-11-22")


TOO_LATE = "{} must be shorter than expire_after: by then it is over"
BROKEN: dict[str, tuple[list[Change], list[str]]] = {
    # Names
    "a rotation twice": (
        [rotation(), rotation(members=["cem"])],
        ["rotations[1].id: the rotation 'weekly' stands here a second time; give each its own"],
    ),
    "names that nothing has": (
        [
            rotation(members=["ann", "bobb"]),
            put("groups", "finance", not_notified=["olg"]),
            steps(
                {"after": "1h", "ask_group": "on-cal"},
                {"after": "2h", "ask_person": "zoe"},
                {"after": "3h", "ask_rotation": "weakly"},
            ),
        ],
        [
            "groups[0].not_notified[0]: no person 'olg' in the catalog; did you mean 'olga'?",
            "rotations[0].members[1]: no person 'bobb' in the catalog; did you mean 'bob'?",
            "approvals[3].escalation[0].ask_group: no group 'on-cal' in the catalog; did you mean 'on-call'?",
            "approvals[3].escalation[1].ask_person: no person 'zoe' in the catalog; known: ann, bob, cem, olga, out",
            "approvals[3].escalation[2].ask_rotation: no rotation 'weakly' in the catalog; did you mean 'weekly'?",
            "groups[0].not_notified[0]: 'olg' is not a member of 'finance', so no message is kept from them; take them "
            "out",
        ],
    ),
    "values twice in a list": (
        [
            put("groups", "finance", not_notified=["ann", "ann"]),
            part("attention", quiet_hours_except=["high", "high"], digest_tiers=["low", "low"]),
            approval(step_up=["high", "high"]),
        ],
        [
            "groups[0].not_notified[1]: 'ann' stands in this list already; once is enough",
            "attention.quiet_hours_except[1]: 'high' stands in this list already; once is enough",
            "attention.digest_tiers[1]: 'low' stands in this list already; once is enough",
            "approvals[3].step_up[1]: 'high' stands in this list already; once is enough",
        ],
    ),
    # Whom a step reaches
    "steps to people who left": (
        [
            left("cem"),
            left("out"),
            put("approvals", "one", escalate_after=None, escalate_to=None),
            put("approvals", "quick", escalate_after=None, escalate_to=None),
            rotation(members=["ann", "cem"]),
            steps({"after": "1h", "ask_group": "on-call"}, {"after": "2h", "ask_person": "out"}),
        ],
        [
            "rotations[0].members[1]: nobody is on call in the turns of 'cem', who left on 2026-11-22; name who took "
            "over",
            "approvals[3].escalation[0].ask_group: the escalation reaches nobody: 'on-call' has no members, or all of "
            "them have left; name another group",
            "approvals[3].escalation[1].ask_person: the escalation reaches nobody: 'out' left on 2026-11-22; name "
            "somebody else",
        ],
    ),
    "a step to the owner who may not decide": (
        [steps({"after": "1h", "ask_owner": "agent"}, exclude_agent_owner=True)],
        [
            "approvals[3].escalation[0].ask_owner: the escalation reaches nobody: exclude_agent_owner keeps the "
            "agent's owner from deciding; write ask_owner: use_case, or name a person",
        ],
    ),
    "a step to an owner who left": (
        [left("olga"), steps({"after": "1h", "ask_owner": "agent"})],
        [
            "agents[0].owner: nobody answers for the agent 'clerk' any more: 'olga' left on 2026-11-22; name who took "
            "over",
            "agents[1].owner: nobody answers for the agent 'other' any more: 'olga' left on 2026-11-22; name who took "
            "over",
            "agents[2].owner: nobody answers for the agent 'retired' any more: 'olga' left on 2026-11-22; name who "
            "took over",
            *[
                f"use_cases[{number}].owner: nobody answers for the use case '{name}' any more: 'olga' left on "
                "2026-11-22; name who took over"
                for number, name in enumerate(["support", "chat", "ideas", "frozen", "eu-support"])
            ],
            "policy_changes.owner: nobody answers for changes of the policy any more: 'olga' left on 2026-11-22; name "
            "who took over",
        ],
    ),
    "a step to those who are asked from the start": (
        [steps({"after": "1h", "ask_group": "finance"})],
        [
            "approvals[3].escalation[0].ask_group: the escalation reaches nobody new: 'finance' is asked from the "
            "start; name another group",
        ],
    ),
    "a rotation from another age": (
        [rotation(starts_on="0226-11-02")],
        ["rotations[0].starts_on: the year 226 cannot be right; write a date like 2026-01-31"],
    ),
    # When a step comes
    "steps at the deadline and after it": (
        [steps({"after": "8h", "remind": True}, {"after": "1d", "ask_person": "cem"})],
        [f"approvals[3].escalation[{number}].after: {TOO_LATE.format('after')}" for number in (0, 1)],
    ),
    "a short form and steps, all too late": (
        [steps({"after": "9h", "remind": True}, remind_after="8h", escalate_after="9h", escalate_to="on-call")],
        [
            f"approvals[3].remind_after: {TOO_LATE.format('remind_after')}",
            f"approvals[3].escalate_after: {TOO_LATE.format('escalate_after')}",
            f"approvals[3].escalation[0].after: {TOO_LATE.format('after')}",
        ],
    ),
    "a step in working time at a deadline in working time": (
        [steps({"after": "8h", "clock": "business", "remind": True}, expire_clock="business")],
        [f"approvals[3].escalation[0].after: {TOO_LATE.format('after')}"],
    ),
    "a step in working time after a deadline that passes in any time": (
        [steps({"after": "8h", "clock": "business", "remind": True}, expire_after="7h")],
        [
            "approvals[3].escalation[0].after: after on the business clock always comes after expire_after on the "
            "elapsed clock: by then it is over; make it shorter, or use one clock for both",
        ],
    ),
    "a step in working time that needs the next day, and a deadline before that": (
        [steps({"after": "9h", "clock": "business", "remind": True}, expire_after="25h")],
        [
            "approvals[3].escalation[0].after: after on the business clock always comes after expire_after on the "
            "elapsed clock: by then it is over; make it shorter, or use one clock for both",
        ],
    ),
    "a reminder after the longest time that a deadline in working time can take": (
        [
            put("groups", "finance", calendar=WORKING),
            approval(expire_after="8h", expire_clock="business", remind_after="20d"),
        ],
        [
            "approvals[3].remind_after: remind_after on the elapsed clock always comes after expire_after on the "
            "business clock: by then it is over; make it shorter, or use one clock for both",
        ],
    ),
    "working time that never passes": (
        [
            put("groups", "finance", calendar=MINUTE),
            steps({"after": "30d", "clock": "business", "remind": True}, expire_after="30d", expire_clock="business"),
        ],
        [
            f"approvals[3].{where}: 30 days, 0:00:00 of working time do not pass within ten years by the calendar of "
            "UTC (mon, 09:00 to 09:01); make its hours longer, or the duration shorter"
            for where in ("escalation[0].after", "expire_after")
        ],
    ),
    "a group that never works": (
        [
            put("groups", "finance", calendar={"days": []}),
            steps({"after": "1h", "clock": "business", "remind": True}, expire_clock="business"),
        ],
        ["groups[0].calendar.days: there is no working day; write for example days: [mon, tue, wed, thu, fri]"],
    ),
    "a group with holidays of nowhere": (
        [
            put("groups", "finance", calendar={"holidays": "XX"}),
            steps({"after": "1h", "clock": "business", "remind": True}, expire_clock="business"),
        ],
        [
            "groups[0].calendar.holidays: no public holidays are known for the country 'XX'; write its ISO 3166 code, "
            "such as DE or DE-BY",
        ],
    ),
    "an extension as long as the deadline": (
        [approval(extension="8h")],
        [
            "approvals[3].extension: extension must be shorter than expire_after: a deadline may be moved a little, "
            "not doubled",
        ],
    ),
    # Stages
    "a first stage beside none": (
        [staged({"alongside": True}, {"group": "on-call", "alongside": True})],
        [
            "approvals[3].stages[0].alongside: no stage is before the first that it could be asked together with; "
            "write alongside on the second",
        ],
    ),
    "stages that may all be left out": (
        [staged({"when": "tier == 'high'"}, {"group": "on-call", "when": "scores.total > 3"})],
        [
            "approvals[3].stages: every stage has a condition, so it may be that nobody is asked; take when: away from "
            "one of them",
        ],
    ),
    "more vetoes than people": (
        [staged({"vetoes": 3}, {"group": "on-call", "vetoes": 2})],
        [
            "approvals[3].stages[1].vetoes: 2 rejections are needed to end it, but 'on-call' has only 1 person: lower "
            "vetoes, or add people",
        ],
    ),
    "a condition of a stage on what it cannot see": (
        [
            staged(
                {},
                {"group": "on-call", "when": "scores.legal > 3"},
                {"when": "arguments.amount_minor > 5"},
                {"when": "tier == 'hihg'"},
                {"when": "scores.total"},
                exclude_earlier_stages=False,
            )
        ],
        [
            "approvals[3].stages[1].when: no field 'legal' in scores; known: content, financial, operational, privacy, "
            "regulatory, total",
            "approvals[3].stages[2].when: no variable 'arguments' here; tiers see nothing but 'scores', and stages "
            "'scores' and 'tier'",
            "approvals[3].stages[3].when: tier is never 'hihg'; did you mean 'high'?",
            "approvals[3].stages[4].when: the condition gives a whole number, but must give true or false",
        ],
    ),
    "stages asked together that need the same people": (
        [staged({"quorum": 2}, {"quorum": 2, "alongside": True}, exclude_earlier_stages=False)],
        [
            "approvals[3].stages: the stages of 'finance', 'finance' need 4 different people, and together they have "
            "3; add people, or have the stages asked one after the other, with exclude_earlier_stages: false",
        ],
    ),
    # Attention
    "a group of which nobody is told": (
        [left("bob"), put("groups", "finance", not_notified=["ann", "olga"]), put("approvals", "two", quorum=1)],
        [
            "groups[0].not_notified: nobody of 'finance' would be told that they are asked; leave at least one person "
            "out of the list",
        ],
    ),
    "a message kept from somebody who gets none": (
        [put("groups", "finance", not_notified=["cem"])],
        [
            "groups[0].not_notified[0]: 'cem' is not a member of 'finance', so no message is kept from them; take them "
            "out",
        ],
    ),
    "high tier gathered": (
        [part("attention", digest_tiers=["medium", "high"])],
        [
            "attention.digest_tiers[1]: requests of tier high are never gathered, each comes by itself; take high out "
            "of digest_tiers",
        ],
    ),
}

SOUND: dict[str, list[Change]] = {
    "every kind of step, on both clocks, beside the short form": [
        rotation(),
        put("groups", "finance", calendar=WORKING),
        steps(
            {"after": "1h", "clock": "business", "remind": True},
            {"after": "2h", "clock": "business", "ask_group": "on-call"},
            {"after": "3h", "clock": "business", "ask_person": "out"},
            {"after": "4h", "clock": "business", "ask_rotation": "weekly"},
            {"after": "2d", "ask_owner": "agent"},
            {"after": "3d", "ask_owner": "use_case"},
            expire_after="4d",
            extension="3d",
            remind_after="30m",
            escalate_after="5h",
            escalate_to="on-call",
        ),
    ],
    "a step that comes in time on the best of days": [
        steps({"after": "9h", "clock": "business", "remind": True}, expire_after="26h")
    ],
    "a step in working time before a deadline that passes in any time": [
        steps({"after": "7h", "clock": "business", "remind": True})
    ],
    "a step that a weekend of working time leaves time for": [
        approval(expire_after="8h", expire_clock="business", remind_after="2d")
    ],
    "clocks of groups that work at different times": [
        put("groups", "finance", calendar=WORKING),
        put("groups", "on-call", calendar=NIGHTS),
        staged(
            {},
            {"group": "on-call"},
            escalation=[{"after": "9h", "clock": "business", "ask_person": "out"}],
            expire_clock="business",
        ),
    ],
    "stages together, one of them on a condition": [
        staged({"vetoes": 2}, {"group": "on-call", "alongside": True, "when": "tier == 'high' || scores.privacy >= 3"})
    ],
    "a step to a group that only the first of two stages asks": [
        staged({}, {"group": "on-call"}, escalation=[{"after": "1h", "ask_group": "on-call"}])
    ],
    "somebody who takes two turns of three": [rotation(members=["ann", "bob", "ann"])],
    "members of a Slack group who are not told": [
        put("groups", "finance", slack_usergroup="S01FINANCE", not_notified=["ann", "bob", "olga", "cem"])
    ],
    "vetoes of a Slack group": [
        put("groups", "on-call", members=[], slack_usergroup="S01ONCALL"),
        staged({}, {"group": "on-call", "vetoes": 5}),
    ],
    "stages one after the other of the same people, and one beside": [
        staged({"quorum": 2}, {"quorum": 2}, {"group": "on-call", "alongside": True}, exclude_earlier_stages=False)
    ],
    "all that attention may say": [
        part(
            "attention",
            max_open=5,
            max_per_hour=3,
            quiet_hours_except=["medium", "high"],
            digest_tiers=["low", "medium"],
            digest_every="2h",
        ),
        put("groups", "finance", not_notified=["olga"], direct_messages=False),
    ],
    "a step-up, edits that count and an extension": [
        approval(step_up=["high", "medium"], edit_counts_as_approval=True, extension="7h")
    ],
}


@pytest.mark.parametrize(("changes", "said"), BROKEN.values(), ids=BROKEN)
def test_an_approval_that_could_never_work_is_told_why_and_what_to_do(changes: list[Change], said: list[str]) -> None:
    assert said_of(*changes) == said


@pytest.mark.parametrize("changes", SOUND.values(), ids=SOUND)
def test_an_approval_that_can_work_is_left_alone(changes: list[Change]) -> None:
    assert checked(changed(*changes), TODAY) == changed(*changes)
