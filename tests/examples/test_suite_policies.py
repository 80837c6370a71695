"""The example policies over the suites of AgentDojo: they load, their own tests pass, and their rules are general."""

from pathlib import Path

import pytest

from activities.inspect import inspect
from adapters import checks, executors
from adapters.checks import CHECKS
from adapters.policy_files import read_bundle
from domain.action import Submission
from domain.catalog import Bundle, CheckUse, Example
from domain.facts import Facts
from domain.policy import Policy
from domain.signals import content_of
from tests.bundles import FACTS

EXAMPLES = Path(__file__).parents[2] / "examples"
BUNDLES = {name: read_bundle(EXAMPLES / name / "policy", FACTS.at.date()) for name in ("bank", "teamchat")}
POLICIES = {name: Policy(bundle, "sha256:" + "0" * 64) for name, bundle in BUNDLES.items()}
CASES = [
    pytest.param(name, example, id=f"{name}-{example.id}")
    for name, bundle in BUNDLES.items()
    for example in bundle.tests
]


def patient(bundle: Bundle) -> list[CheckUse]:
    """The checks of a bundle with all the time they need: what they find is tested here, not how fast."""
    return [use.model_copy(update={"time_limit_ms": 5000}) for use in bundle.guardrails.checks]


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
def test_the_executors_and_checks_of_the_bundle_have_their_settings(bundle: Bundle) -> None:
    assert list(executors.problems_in(bundle)) == []
    assert list(checks.problems_in(bundle)) == []


@pytest.mark.parametrize(("name", "example"), CASES)
async def test_each_example_of_the_bundle_comes_out_as_it_says(name: str, example: Example) -> None:
    policy, expected = POLICIES[name], example.expect
    submission = Submission(
        use_case=example.use_case,
        action_type=example.action_type,
        arguments=example.arguments,
        context=example.context,
    )
    admitted = policy.admit(example.agent, submission)
    content = content_of(example.arguments, example.context, admitted.action_type, admitted.use_case)
    signals = await inspect(content, example.agent, patient(policy.bundle), CHECKS)
    facts = Facts(at=FACTS.at, history=example.history, signals=signals)
    judgement = policy.judge(admitted, example.arguments, example.context, facts)
    found = judgement.assessment
    assert found.failed_rules == []
    assert [hit.rule for hit in found.hits] == expected.hits
    assert (found.tier, judgement.route, judgement.approval) == (expected.tier, expected.route, expected.approval)


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
def test_every_rule_is_hit_by_an_example(bundle: Bundle) -> None:
    hit = {rule for example in bundle.tests for rule in example.expect.hits or []}
    assert {rule.id for rule in bundle.risk.rules} == hit


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
def test_no_rule_and_no_list_of_the_bundle_names_anything_of_the_benchmark(bundle: Bundle) -> None:
    rules = " ".join(rule.when for rule in bundle.risk.rules).lower()
    assert not [
        name for name in ("alice", "bob", "dora", "external", "general", "spotify", "us13", ".com") if name in rules
    ]
    assert not [data.id for use_case in bundle.use_cases for data in use_case.data_sources if data.values]
