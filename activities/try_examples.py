"""Try examples: what a policy makes of its own tests, and of actions that nobody has submitted, with its checks run.

Nothing is recorded. Checks get all the time they may ever have: what they find is tried, not how fast.
"""

from collections.abc import Mapping

from activities.inspect import Check, inspect
from domain.catalog import Example
from domain.errors import RequestError
from domain.examples import Trial, admitted_of, failures_of, outcome_of
from domain.policy import Judgement, Policy
from domain.signals import Signal, content_of

LONGEST_MS = 5000


async def tried(policy: Policy, trial: Trial | Example, checks: Mapping[str, Check]) -> Judgement:
    """Judge a trial with what the bundle's checks say about it."""
    return outcome_of(policy, trial, await signals_of(policy, trial, checks))


async def examples_failures(policy: Policy, checks: Mapping[str, Check]) -> list[str]:
    """Run the tests of a bundle and say, for each that fails, what was expected and what came out."""
    failures: list[str] = []
    for example in policy.bundle.tests:
        failures += failures_of(policy, example, await signals_of(policy, example, checks))
    return failures


async def signals_of(policy: Policy, trial: Trial | Example, checks: Mapping[str, Check]) -> dict[str, Signal]:
    """Return what the bundle's checks say about a trial; nothing where the policy refuses such a submission."""
    try:
        admitted, arguments = admitted_of(policy, trial)
    except RequestError:
        return {}
    content = content_of(arguments, trial.context, admitted.action_type, admitted.use_case)
    uses = [use.model_copy(update={"time_limit_ms": LONGEST_MS}) for use in policy.bundle.guardrails.checks]
    return await inspect(content, trial.agent, uses, checks)
