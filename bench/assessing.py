"""How long the policy takes over one action: 20 rules and every deterministic check, in one process, no database.

`python -m bench.assessing` prints it; `make bench` runs it beside the loads.
"""

import asyncio
import statistics
import time
from typing import Any

import uvloop

from activities.inspect import inspect
from adapters.checks import CHECKS
from bench import results
from domain.action import Context, Source, Submission
from domain.catalog import Bundle
from domain.facts import Facts
from domain.policy import Judgement, Policy
from domain.signals import content_of
from memory import collect_garbage_seldom
from tests.bundles import DOCUMENT, FACTS

REPETITIONS = 3000
DETERMINISTIC = [name for name in CHECKS if name != "personal_data_names"]
BODY = (
    "Dear Ms Carter, thank you for the friendly call on Tuesday. As we discussed, the two sensors of order 4711 arrive "
    "next week; the technician will call you the day before under +44 20 7946 0958. "
) * 7
ARGUMENTS = {
    "to": "carter@caldera-labs.example",
    "subject": "Your order 4711 and the visit of our technician",
    "body": BODY + "Questions go to support@northwind.example. We refund to GB29NWBK60161331926819.",
}
CONDITIONS = [
    "arguments.body.contains('guaranteed')",
    "arguments.body.matches('(?i)last chance|act now')",
    "arguments.subject.matches('[{][{]')",
    "size(recipients) > 1",
    "signals.personal_data.found",
    "signals.secrets.found",
    "signals.injection.found",
    "signals.hidden_characters.found",
    "signals.links.found",
    "signals.style.found",
    "provenance.recipient in ['untrusted', 'unknown']",
    "provenance.url == 'untrusted'",
    "time.hour < 6",
    "!time.business_hours",
    "!reversible",
    "context.region != 'EU'",
    "amount > 100000",
    "count > 100",
    "agent.owner == use_case.owner",
    "claims.confidence < 70",
]
CONTEXT = Context(
    prompt="Write to carter@caldera-labs.example that the sensors arrive next week.",
    region="EU",
    sources=[Source(source="crm", locator="A-2001", content="Caldera Labs, Ms Carter, carter@caldera-labs.example")],
)


def policy() -> Policy:
    """Return a policy that asks all of it about mails."""
    dimensions = ["content", "privacy", "financial", "operational", "regulatory"]
    rules = [
        {"id": f"r{n}", "dimension": dimensions[n % 5], "points": 1 + n % 4, "when": when, "because": "measured"}
        for n, when in enumerate(CONDITIONS)
    ]
    roles = {"recipients": ["to"], "texts": ["subject", "body"]}
    types = [{**kind, "roles": roles} if kind["id"] == "mail.send" else kind for kind in DOCUMENT["action_types"]]
    document: dict[str, Any] = {
        **DOCUMENT,
        "risk": {**DOCUMENT["risk"], "rules": rules},
        "guardrails": {"checks": [{"check": name} for name in DETERMINISTIC]},
        "action_types": types,
        "tests": [],
    }
    return Policy(Bundle.model_validate(document), "sha256:" + "e" * 64)


async def judge(of: Policy, wanted: Submission) -> Judgement:
    """Do what assessing does between reading the action and writing the judgement."""
    admitted = of.admit("clerk", wanted)
    content = content_of(wanted.arguments, wanted.context, admitted.action_type, admitted.use_case)
    signals = await inspect(content, "clerk", of.bundle.guardrails.checks, CHECKS)
    return of.judge(admitted, wanted.arguments, wanted.context, Facts(at=FACTS.at, signals=signals))


async def measure() -> dict[str, float]:
    """Return the median and the 99th percentile in milliseconds, in a process set up as a worker is."""
    collect_garbage_seldom()
    of = policy()
    wanted = Submission(use_case="support", action_type="mail.send", arguments=ARGUMENTS, context=CONTEXT)
    taken = []
    for number in range(REPETITIONS + 200):
        started = time.perf_counter()
        await judge(of, wanted)
        if number >= 200:
            taken.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    return {"assess.p50_ms": round(cuts[49], 3), "assess.p99_ms": round(cuts[98], 3)}


def main() -> None:
    """Measure, print and write it down."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure())
    print(f"assess one action of 2 KB, 20 rules, {len(DETERMINISTIC)} checks: {figures}")
    print(f"written to {results.write(figures)}")


if __name__ == "__main__":
    main()
