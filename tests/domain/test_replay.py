import secrets
from typing import Any

from domain.action import Action, Context, State, Submission, Tier
from domain.canonical import digest, revision_bytes
from domain.catalog import Bundle
from domain.facts import Facts
from domain.policy import Policy
from domain.record import ActionRecord
from domain.replay import MAX_AUTOMATIC, MAX_IDS, replayed
from tests.bundles import DOCUMENT, FACTS, bundle, policy

CURRENT = policy()
SECRET = "c-4711"


def record(amount: int = 5000, facts: Facts | None = FACTS, name: str | None = None) -> ActionRecord:
    """A refund as the store has it, judged by the bundle of the tests."""
    arguments = {"customer": SECRET, "amount_minor": amount}
    data = revision_bytes(arguments)
    submission = Submission(use_case="support", action_type="refund.create", arguments=arguments)
    judgement = CURRENT.judge(CURRENT.admit("clerk", submission), arguments, Context(), facts or FACTS)
    action = Action(
        id=name or secrets.token_hex(16),
        agent="clerk",
        use_case="support",
        action_type="refund.create",
        digest=digest(data),
        arguments_bytes=data,
        context=Context(),
        created_at=FACTS.at,
    )
    judged = judgement.model_copy(update={"facts": facts})
    return ActionRecord(
        action=action, owner="olga", state=State.PENDING_APPROVAL, judgement=judged, updated_at=FACTS.at
    )


def without(*rules: str) -> Policy:
    """The policy without some of its rules."""
    left = [rule for rule in DOCUMENT["risk"]["rules"] if rule["id"] not in rules]
    return policy(risk={**DOCUMENT["risk"], "rules": left})


def limited(limit: int, on_exceed: str = "high", **more: Any) -> Bundle:
    limits = [{"id": "rate", "limit": limit, "window": "1h", "on_exceed": on_exceed}]
    return bundle(guardrails={"rate_limits": limits, **more})


def test_the_same_policy_changes_nothing() -> None:
    assert replayed([record(), record(200000)], CURRENT, CURRENT).lines() == [
        "2 of 2 recorded actions of the last 90 days could be replayed",
        "no action changes its tier",
        "no action changes its route",
        "no action would newly run by itself",
    ]


def test_the_report_says_what_changes_and_names_what_newly_runs_by_itself() -> None:
    records = [record(name="small"), record(200000, name="large")]

    assert replayed(records, CURRENT, without("fin.refund")).lines() == [
        "2 of 2 recorded actions of the last 90 days could be replayed",
        "1 actions change their tier:",
        "  medium -> low: 1",
        "    small",
        "1 actions change their route:",
        "  ask -> execute: 1",
        "    small",
        "1 actions would newly run by themselves:",
        "  small: agent clerk, refund.create in support, ask -> execute, tier medium -> low",
    ]


def test_a_report_never_shows_arguments() -> None:
    lines = replayed([record()], CURRENT, without("fin.refund", "fin.large")).lines()
    assert SECRET not in "\n".join(lines)
    assert "5000" not in "\n".join(lines)


def test_every_action_that_newly_runs_is_listed_up_to_a_thousand_and_other_ids_up_to_fifty() -> None:
    one = record()
    many = [
        one.model_copy(update={"action": one.action.model_copy(update={"id": f"a{number}"})})
        for number in range(MAX_AUTOMATIC + 1)
    ]
    report = replayed(many, CURRENT, without("fin.refund"))
    lines = report.lines()

    assert len(report.automatic) == MAX_AUTOMATIC + 1
    assert sum("ask -> execute, tier" in line for line in lines) == MAX_AUTOMATIC
    assert lines[-1] == "  and 1 more"
    ids = [name for line in lines if line.startswith("    a") and "more" not in line for name in line.split()]
    assert ids.count("a0") == 2  # once by tier, once by route
    assert len(ids) == 2 * MAX_IDS
    assert len(lines) <= 2000


def test_an_action_without_recorded_facts_is_not_covered() -> None:
    report = replayed([record(), record(facts=None)], CURRENT, without("fin.refund"))

    assert (report.recorded, report.covered, len(report.automatic)) == (2, 1, 1)
    assert report.lines()[0].endswith("1 not: the facts they were judged by are not recorded")


def test_an_action_that_is_no_longer_admitted_would_be_denied() -> None:
    suspended = [{**agent, "status": "suspended"} for agent in DOCUMENT["agents"]]
    lines = replayed([record()], CURRENT, policy(agents=suspended)).lines()
    assert "  ask -> deny: 1" in lines
    assert "  medium -> high: 1" in lines


def test_a_check_without_a_recorded_answer_counts_as_unknown_and_the_coverage_says_so() -> None:
    lines = replayed([record()], CURRENT, policy(guardrails={"checks": [{"check": "links"}]})).lines()
    assert lines[1] == "the check 'links' has no recorded answer for 1 of them and counts as unknown there"
    assert "  medium -> high: 1" in lines


def test_an_aggregate_that_is_not_recorded_is_said() -> None:
    aggregates = {"aggregates": [{"id": "refunds", "of": "count", "window": "1d"}]}
    lines = replayed([record()], CURRENT, policy(guardrails=aggregates)).lines()
    assert lines[1] == "the aggregate 'refunds' is not recorded for 1 of them; rules that need it fail there"


def test_a_check_that_is_set_otherwise_is_named() -> None:
    use = {"check": "links"}
    current = policy(guardrails={"checks": [use]})
    lines = replayed([record()], current, policy(guardrails={"checks": [{**use, "time_limit_ms": 9}]})).lines()
    assert lines[2] == ("the check 'links' is defined otherwise; what was recorded by the present definition counts")


def test_a_limit_that_goes_away_no_longer_raises_and_one_that_changes_is_not_covered() -> None:
    exceeded = record(facts=Facts(at=FACTS.at, exceeded={"rate": Tier.HIGH}))
    current = Policy(limited(1), CURRENT.ref.digest)

    gone = replayed([exceeded], current, CURRENT)
    changed = replayed([exceeded], current, Policy(limited(2), CURRENT.ref.digest))

    assert "  high -> medium: 1" in gone.lines()
    assert changed.uncovered == {"they went over a limit that changes": 1}
    assert changed.covered == 0


def test_arguments_that_cannot_be_read_are_not_covered() -> None:
    unread = record()
    erased = unread.model_copy(update={"action": unread.action.model_copy(update={"arguments_bytes": b""})})
    assert replayed([erased], CURRENT, CURRENT).uncovered == {"their arguments cannot be read any more": 1}
