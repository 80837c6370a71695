"""What in a sound bundle is probably not meant."""

from collections.abc import Iterator

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Problem
from domain.references import asked_by


def bundle_warnings(bundle: Bundle) -> Iterator[Problem]:
    """Yield what a bundle has without use: each content check whose answer no rule, tier or route asks for."""
    conditions = [rule.when for rule in bundle.risk.rules]
    conditions += [tier.when for tier in bundle.risk.tiers]
    conditions += [route.when for route in bundle.routes if route.when is not None]
    asked = asked_by(conditions).get("signals", {})
    for number, use in enumerate(bundle.guardrails.checks):
        if asked is not None and use.check not in asked:
            message = (
                f"no condition asks what '{use.check}' found, so it raises nothing: write a rule with "
                f"when: signals.{use.check}.found, or take the check out"
            )
            yield Problem(("guardrails", "checks", number, "check"), message)
