"""What raises a tier or stops an action besides rules: claims, silent checks, lapsed controls, permissions."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.action import Claims, Context, Route, Submission, Tier
from domain.catalog import Controls, DataSource, Dpia, Person, UseCase, VendorContract
from domain.controls import lapses
from domain.errors import PolicyDenied
from domain.facts import Facts
from domain.policy import Judgement, Policy
from domain.signals import Finding, Signal
from tests.bundles import DOCUMENT, FACTS, policy

NOTE = {"customer": "c-7", "text": "called back"}
TIERS = list(Tier)
CLEAR = Signal(check="secrets", version="1", finding=Finding.CLEAR)
DOUBT = {
    "id": "con.doubt",
    "dimension": "content",
    "points": 3,
    "when": "claims.confidence < 70 || claims.confidence == 100",
    "because": "doubtful, or too sure of itself",
}


def judged(of: Policy, context: Context | None = None, facts: Facts = FACTS) -> Judgement:
    wanted = Submission(use_case="support", action_type="note.add", arguments=NOTE, context=context or Context())
    return of.judge(of.admit("clerk", wanted), wanted.arguments, wanted.context, facts)


def support(**changes: Any) -> dict[str, Any]:
    cases = [{**case, **changes} if case["id"] == "support" else case for case in DOCUMENT["use_cases"]]
    return {"use_cases": cases}


@given(
    claims=st.builds(Claims, confidence=st.integers(0, 100), risk=st.sampled_from(Tier), reversible=st.booleans()),
    rule=st.sampled_from(
        ["claims.confidence < 70", "claims.confidence > 50", "!claims.reversible", "claims.reversible"]
    ),
)
@settings(max_examples=60, deadline=None)
def test_a_claim_never_lowers_the_tier(claims: Claims, rule: str) -> None:
    of = policy(risk={**DOCUMENT["risk"], "rules": [{**DOUBT, "when": rule}]})

    silent, claiming = judged(of), judged(of, Context(claims=claims))

    assert TIERS.index(claiming.assessment.tier) >= TIERS.index(silent.assessment.tier)
    assert {hit.rule for hit in silent.assessment.hits} <= {hit.rule for hit in claiming.assessment.hits}


def test_an_agent_that_calls_its_action_risky_is_believed() -> None:
    found = judged(policy(), Context(claims=Claims(risk=Tier.HIGH)))

    assert found.assessment.tier is Tier.HIGH
    assert [(reason.by, reason.reason) for reason in found.assessment.raised] == [
        ("claims", "the agent itself calls it high")
    ]


@pytest.mark.parametrize("floor", ["medium", "high"])
@pytest.mark.parametrize(
    "signals",
    [{}, {"secrets": Signal(check="secrets", version="1", finding=Finding.UNKNOWN, because="too slow")}],
    ids=["missing", "unknown"],
)
def test_a_check_without_an_answer_raises_the_tier(floor: str, signals: dict[str, Signal]) -> None:
    of = policy(guardrails={"checks": [{"check": "secrets", "on_unknown": floor}]})

    found = judged(of, facts=FACTS.model_copy(update={"signals": signals}))

    assert found.assessment.tier is Tier(floor)
    assert found.assessment.raised[0].reason.startswith("the check 'secrets' gave no answer: ")
    assert judged(of, facts=FACTS.model_copy(update={"signals": {"secrets": CLEAR}})).assessment.tier is Tier.LOW


def test_a_check_that_is_not_about_such_actions_is_clear_to_rules() -> None:
    rule = {**DOUBT, "when": "signals.secrets.found"}
    use = {"check": "secrets", "actions": {"action_types": ["mail.send"]}}
    of = policy(risk={**DOCUMENT["risk"], "rules": [rule]}, guardrails={"checks": [use]})

    assert judged(of).assessment.hits == []


def test_an_exceeded_limit_raises_the_tier() -> None:
    found = judged(policy(), facts=FACTS.model_copy(update={"exceeded": {"notes-a-day": Tier.MEDIUM}}))

    assert found.assessment.tier is Tier.MEDIUM
    assert found.route is Route.ASK


MISSING_DPIA = {"dpia": {"required": True, "status": "missing"}}


@pytest.mark.parametrize(
    ("on_lapse", "route", "tier"),
    [("ask", Route.ASK, Tier.LOW), ("high", Route.ASK, Tier.HIGH), ("deny", Route.DENY, Tier.LOW)],
)
def test_a_use_case_with_a_lapsed_control_never_runs_alone(on_lapse: str, route: Route, tier: Tier) -> None:
    of = policy(**support(controls={**MISSING_DPIA, "on_lapse": on_lapse}, autonomy="autonomous"))

    found = judged(of)

    assert (found.route, found.assessment.tier) == (route, tier)
    assert "the data protection impact assessment is missing" in found.because or on_lapse == "high"


OLGA = Person(id="olga", name="Olga", email="olga@test.example")
CASE = UseCase(id="u", title="U", owner="olga", agents=["a"], action_types=["t"])
GOOD = VendorContract(reviewed_for_ai=True, reference="C-1", expires=date(2026, 12, 31))
PERSONAL = DataSource(id="crm", classification="personal")


@pytest.mark.parametrize(
    ("case", "people", "said"),
    [
        (CASE, {"olga": OLGA}, []),
        (CASE, {}, ["nobody answers for the use case 'u': 'olga' is not there any more"]),
        (
            CASE,
            {"olga": OLGA.model_copy(update={"left_on": date(2026, 10, 31)})},
            ["nobody answers for the use case 'u': 'olga' is not there any more"],
        ),
        (
            CASE.model_copy(update={"controls": Controls(dpia=Dpia(required=True, status="draft"))}),
            {"olga": OLGA},
            ["the data protection impact assessment is draft"],
        ),
        (
            CASE.model_copy(
                update={"controls": Controls(dpia=Dpia(required=True, status="approved", expires=date(2026, 11, 1)))}
            ),
            {"olga": OLGA},
            ["the data protection impact assessment expired on 2026-11-01"],
        ),
        (
            CASE.model_copy(
                update={"controls": Controls(dpia=Dpia(required=True, status="approved", expires=date(2026, 11, 2)))}
            ),
            {"olga": OLGA},
            [],
        ),
        (
            CASE.model_copy(update={"controls": Controls(vendor_contract=VendorContract(reference="C-9"))}),
            {"olga": OLGA},
            ["the vendor contract C-9 was not reviewed for AI"],
        ),
        (CASE.model_copy(update={"controls": Controls(vendor_contract=GOOD)}), {"olga": OLGA}, []),
        (
            CASE.model_copy(update={"controls": Controls(vendor_contract=GOOD), "data_sources": [PERSONAL]}),
            {"olga": OLGA},
            ["the vendor contract C-1 has no data processing terms, but personal data is used"],
        ),
        (
            CASE.model_copy(
                update={
                    "controls": Controls(vendor_contract=GOOD.model_copy(update={"expires": date(2026, 11, 1)})),
                }
            ),
            {"olga": OLGA},
            ["the vendor contract C-1 expired on 2026-11-01"],
        ),
    ],
)
def test_what_has_lapsed_is_said(case: UseCase, people: dict[str, Person], said: list[str]) -> None:
    assert list(lapses(case, people, datetime(2026, 11, 2, 10, tzinfo=UTC))) == said


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ({"agents": ["clerk"]}, True),
        ({"agents": ["other"]}, False),
        ({"use_cases": ["support"], "action_types": ["note.add"]}, True),
        ({"action_types": ["mail.send"]}, False),
        ({"regions": ["EU"]}, False),
        ({}, True),
    ],
)
def test_with_permissions_given_what_none_allows_is_denied(permission: dict[str, Any], allowed: bool) -> None:
    of = policy(guardrails={"permissions": [{"id": "p", **permission}]})
    wanted = Submission(use_case="support", action_type="note.add", arguments=NOTE)

    if allowed:
        assert of.admit("clerk", wanted).agent.id == "clerk"
        return
    with pytest.raises(PolicyDenied, match=r"no permission allows agent 'clerk' to ask for 'note[.]add'"):
        of.admit("clerk", wanted)
