"""The example policies do what their own tests say; those over the suites of AgentDojo have rules that are general."""

from pathlib import Path

import pytest

from activities.try_examples import examples_failures, tried
from adapters.checks import CHECKS
from adapters.policy_files import read_bundle
from domain.catalog import Bundle
from domain.policy import Policy
from tests.bundles import FACTS

EXAMPLES = Path(__file__).parents[2] / "examples"
BUNDLES = {name: read_bundle(EXAMPLES / name / "policy", FACTS.at.date()) for name in ("marketing", "bank", "teamchat")}
SUITES = [pytest.param(BUNDLES[name], id=name) for name in ("bank", "teamchat")]


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
async def test_the_tests_of_each_example_bundle_pass_and_no_rule_fails_in_them(bundle: Bundle) -> None:
    policy = Policy(bundle, "sha256:" + "0" * 64)

    assert await examples_failures(policy, CHECKS) == []
    judged = [await tried(policy, example, CHECKS) for example in bundle.tests]
    assert [rule for judgement in judged for rule in judgement.assessment.failed_rules] == []
    assert len(judged) > 10


@pytest.mark.parametrize("bundle", SUITES)
def test_every_rule_is_hit_by_an_example(bundle: Bundle) -> None:
    hit = {rule for example in bundle.tests for rule in example.expect.hits or []}
    assert {rule.id for rule in bundle.risk.rules} == hit


@pytest.mark.parametrize("bundle", SUITES)
def test_no_rule_and_no_list_of_the_bundle_names_anything_of_the_benchmark(bundle: Bundle) -> None:
    rules = " ".join(rule.when for rule in bundle.risk.rules).lower()
    assert not [
        name for name in ("alice", "bob", "dora", "external", "general", "spotify", "us13", ".com") if name in rules
    ]
    assert not [data.id for use_case in bundle.use_cases for data in use_case.data_sources if data.values]
