"""The policy at work: what it admits, and which way it sends what it admitted."""

from typing import Any

import pytest

from domain.action import Context, Route, Submission, Tier
from domain.errors import Forbidden, InvalidArguments, PolicyDenied, RequestError, UnknownActionType, UnknownUseCase
from domain.policy import Judgement, Policy
from tests.bundles import DOCUMENT, FACTS, policy

NOTE = {"customer": "c-7", "text": "called back"}
POLICY = policy()


def submission(**changes: Any) -> Submission:
    return Submission.model_validate(
        {"use_case": "support", "action_type": "note.add", "arguments": NOTE, "context": {}, **changes}
    )


def judged(of: Policy, wanted: Submission, agent: str = "clerk") -> Judgement:
    admitted = of.admit(agent, wanted)
    return of.judge(admitted, wanted.arguments, wanted.context, FACTS)


def refund(amount: int, use_case: str = "support") -> Submission:
    return submission(
        use_case=use_case, action_type="refund.create", arguments={"customer": "c-1", "amount_minor": amount}
    )


def with_autonomy(autonomy: str, **changes: Any) -> Policy:
    """Return the small company's policy with its support use case set to `autonomy`."""
    use_cases = [{**case, "autonomy": autonomy} if case["id"] == "support" else case for case in DOCUMENT["use_cases"]]
    return policy(use_cases=use_cases, **changes)


def with_rules(*rules: dict[str, Any], **changes: Any) -> Policy:
    return policy(risk={**DOCUMENT["risk"], "rules": list(rules)}, **changes)


@pytest.mark.parametrize(
    ("agent", "wanted", "error", "said"),
    [
        ("nobody", submission(), Forbidden, "agent 'nobody' is not an active agent"),
        ("retired", submission(), Forbidden, "agent 'retired' is not an active agent"),
        ("clerk", submission(use_case="nothing"), UnknownUseCase, "no use case 'nothing'"),
        ("clerk", submission(action_type="bomb.throw"), UnknownActionType, "no action type 'bomb.throw'"),
        ("other", submission(), PolicyDenied, "agent 'other' may not act in use case 'support'"),
        (
            "clerk",
            submission(use_case="chat"),
            PolicyDenied,
            "use case 'chat' does not include action type 'note.add'",
        ),
        ("clerk", submission(use_case="eu-support"), PolicyDenied, "works in EU; context.region is None"),
        (
            "clerk",
            submission(use_case="eu-support", context={"region": "eu"}),
            PolicyDenied,
            "works in EU; context.region is 'eu'",
        ),
        ("clerk", submission(arguments={}), InvalidArguments, "do not fit 'note.add': $: 'customer' is a required"),
    ],
)
def test_what_is_not_admitted(agent: str, wanted: Submission, error: type[RequestError], said: str) -> None:
    with pytest.raises(error) as refusal:
        POLICY.admit(agent, wanted)

    assert type(refusal.value) is error
    assert said in str(refusal.value)


def test_what_is_admitted_comes_with_its_catalog_entries() -> None:
    found = POLICY.admit("clerk", submission(use_case="eu-support", context={"region": "EU"}))

    assert (found.agent.id, found.use_case.id, found.action_type.id) == ("clerk", "eu-support", "note.add")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"customer": "c-7"}, "$: 'text' is a required property"),
        ({**NOTE, "extra": 1}, "$: Additional properties are not allowed ('extra' was unexpected)"),
        ({**NOTE, "customer": "../x"}, "$.customer: '../x' does not match"),
        ({**NOTE, "customer": 7}, "$.customer: 7 is not of type 'string'"),
    ],
)
def test_a_misfit_is_named_by_its_json_path(arguments: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidArguments) as refusal:
        POLICY.admit("clerk", submission(arguments=arguments))

    assert path in str(refusal.value)


def schema_of_notes(schema: dict[str, Any]) -> Policy:
    """Return the policy with another schema for notes."""
    return policy(
        action_types=[
            {**kind, "arguments": schema} if kind["id"] == "note.add" else kind for kind in DOCUMENT["action_types"]
        ]
    )


def test_a_misfit_deep_inside_has_a_path_that_leads_there() -> None:
    lines = {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "integer"}}}}
    deep = schema_of_notes({"type": "object", "properties": {"lines": lines}})

    with pytest.raises(InvalidArguments, match=r"\$\.lines\[1\]\.price: 'free' is not of type 'integer'"):
        deep.admit("clerk", submission(arguments={"lines": [{"price": 1}, {"price": "free"}]}))


def test_many_misfits_are_counted_and_the_message_stays_short() -> None:
    wide = schema_of_notes({"type": "object", "additionalProperties": {"type": "integer"}})

    with pytest.raises(InvalidArguments) as refusal:
        wide.admit("clerk", submission(arguments={f"k{n}": "x" * 5000 for n in range(40)}))

    assert "(and 35 more)" in str(refusal.value)
    assert len(str(refusal.value)) < 2000


def test_a_schema_that_never_ends_refuses_and_does_not_crash() -> None:
    endless = schema_of_notes({"type": "object", "$ref": "#"})

    with pytest.raises(InvalidArguments, match="refers to itself without end"):
        endless.admit("clerk", submission())


@pytest.mark.parametrize(
    ("wanted", "tier", "route", "approval"),
    [
        (submission(), Tier.LOW, Route.EXECUTE, None),
        (refund(100), Tier.MEDIUM, Route.ASK, "one"),
        (refund(100_001), Tier.HIGH, Route.ASK, "two"),
        (refund(10_000_001), Tier.HIGH, Route.DENY, None),
        (refund(100, "chat"), Tier.MEDIUM, Route.ASK, "quick"),
        (submission(use_case="ideas"), Tier.LOW, Route.SUGGEST, None),
        (submission(use_case="frozen"), Tier.LOW, Route.DENY, None),
        (submission(arguments={**NOTE, "text": "break it"}), Tier.HIGH, Route.ASK, "two"),
    ],
)
def test_the_small_companys_actions_take_these_ways(
    wanted: Submission, tier: Tier, route: Route, approval: str | None
) -> None:
    found = judged(POLICY, wanted)

    assert (found.assessment.tier, found.route, found.approval) == (tier, route, approval)
    assert found.assessment.policy == POLICY.ref
    assert found.because


NOTES = {"low": submission(), "medium": refund(100), "high": refund(100_001), "denied": refund(10_000_001)}


@pytest.mark.parametrize(
    ("autonomy", "low", "medium", "high", "denied"),
    [
        ("autonomous", "execute", "execute", "ask two", "deny"),
        ("reviewed_above_low", "execute", "ask one", "ask two", "deny"),
        ("reviewed", "ask one", "ask one", "ask two", "deny"),
        ("suggest_only", "suggest", "suggest", "suggest", "deny"),
        ("off", "deny", "deny", "deny", "deny"),
    ],
)
def test_each_mode_of_autonomy(autonomy: str, low: str, medium: str, high: str, denied: str) -> None:
    of = with_autonomy(autonomy)

    ways = {name: judged(of, wanted) for name, wanted in NOTES.items()}

    taken = {name: f"{way.route.value} {way.approval or ''}".strip() for name, way in ways.items()}
    assert taken == {"low": low, "medium": medium, "high": high, "denied": denied}


@pytest.mark.parametrize("tiers", [["low"], ["low", "medium", "high"]])
@pytest.mark.parametrize("autonomy", ["reviewed", "reviewed_above_low", "autonomous"])
def test_an_execute_route_never_goes_beyond_the_autonomy(autonomy: str, tiers: list[str]) -> None:
    everything = [{"do": "execute", "tiers": tiers}, {"do": "ask", "approval": "two"}]
    of = with_autonomy(autonomy, routes=everything)
    alone = {"reviewed": [], "reviewed_above_low": ["low"], "autonomous": ["low", "medium"]}[autonomy]

    for name in ("low", "medium", "high"):
        expected = Route.EXECUTE if name in alone else Route.ASK
        assert judged(of, NOTES[name]).route is expected, name


def test_where_nobody_can_be_asked_it_is_denied() -> None:
    of = with_autonomy("reviewed", routes=[{"do": "execute"}])

    found = judged(of, submission())

    assert found.route is Route.DENY
    assert found.because == "no route takes this action of use case 'support'"


def test_a_deny_route_wins_over_every_later_one() -> None:
    denies = {"do": "deny", "when": "arguments.text.contains('secret')", "because": "we do not write that"}
    of = policy(routes=[denies, *DOCUMENT["routes"]])

    found = judged(of, submission(arguments={**NOTE, "text": "a secret"}))

    assert (found.route, found.because) == (Route.DENY, "we do not write that")
    assert judged(of, submission()).route is Route.EXECUTE


@pytest.mark.parametrize("when", ["arguments.absent == 1", "1", "arguments.customer > 1", "1 / 0 == 1"])
@pytest.mark.parametrize("do", ["deny", "execute", "ask", "suggest"])
def test_a_route_whose_condition_cannot_be_judged_denies_whatever_it_does(when: str, do: str) -> None:
    broken = {"do": do, "when": when, **({"approval": "one"} if do == "ask" else {})}
    of = policy(routes=[broken, *DOCUMENT["routes"]])

    found = judged(of, submission())

    assert found.route is Route.DENY
    assert found.because.startswith("the condition of route 0 could not be judged: ")


def test_a_route_that_fails_after_the_match_is_not_looked_at() -> None:
    of = policy(routes=[{"do": "execute", "tiers": ["low"]}, {"do": "deny", "when": "1 / 0 == 1"}, {"do": "deny"}])

    assert judged(of, submission()).route is Route.EXECUTE


def test_a_condition_that_fails_while_looking_for_whom_to_ask_denies() -> None:
    routes = [
        {"do": "execute", "tiers": ["low"]},
        {"do": "ask", "when": "arguments.absent == 1", "approval": "one"},
        {"do": "ask", "approval": "two"},
    ]

    assert judged(with_autonomy("reviewed", routes=routes), submission()).route is Route.DENY


def test_routes_see_scores_and_tier() -> None:
    by_score = {"do": "suggest", "when": "scores.financial == 3 && tier == 'medium'", "because": "an idea at most"}
    of = policy(routes=[by_score, *DOCUMENT["routes"]])

    assert judged(of, refund(100)).route is Route.SUGGEST
    assert judged(of, refund(100_001)).route is Route.ASK


@pytest.mark.parametrize("field", ["prompt", "output", "reasoning", "on_behalf_of", "session_id"])
def test_what_the_agent_leaves_out_reads_as_null(field: str) -> None:
    of = with_rules(
        {"id": "r", "dimension": "content", "points": 1, "when": f"context.{field} == null", "because": "silent"}
    )

    assert [hit.rule for hit in judged(of, submission()).assessment.hits] == ["r"]
    assert judged(of, submission(context=Context(**{field: "something"}))).assessment.hits == []


def test_rules_see_the_catalogs_entries() -> None:
    of = with_rules(
        {
            "id": "r",
            "dimension": "content",
            "points": 1,
            "when": "agent.owner == 'olga' && use_case.title == 'Customer support' && use_case.regions == []",
            "because": "as the catalog has it",
        }
    )

    assert [hit.rule for hit in judged(of, submission()).assessment.hits] == ["r"]
