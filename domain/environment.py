"""The environment of conditions: an action laid out as the variables that rules and routes may use.

Only the variables that some condition asks for are made, once per action: turning values into the evaluator's own
costs more than evaluating.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any

from domain.action import Claims, Context
from domain.calendar import local_time
from domain.catalog import ActionType, Agent, Bundle, UseCase
from domain.facts import Facts
from domain.provenance import provenance_of, provenance_variable
from domain.roles import meaning_of
from domain.signals import Finding, Signal, signal_variable

_SPOKEN = {"prompt", "output", "reasoning", "on_behalf_of", "region", "session_id"}


def variables_of(
    agent: Agent,
    use_case: UseCase,
    action_type: ActionType,
    arguments: Mapping[str, Any],
    context: Context,
    facts: Facts,
    signals: Mapping[str, Signal],
    needed: Set[str],
) -> dict[str, Any]:
    """Return the variables named in `needed`. What the agent left out of the context is null."""
    meaning = meaning_of(action_type, arguments)
    makers: dict[str, Callable[[], Any]] = {
        "action_type": lambda: action_type.id,
        "reversible": lambda: action_type.reversible,
        "arguments": lambda: dict(arguments),
        "context": lambda: context.model_dump(include=_SPOKEN),
        "claims": lambda: claims_variable(context.claims),
        "agent": lambda: agent.model_dump(mode="json"),
        "use_case": lambda: _use_case_variable(use_case),
        "region": lambda: context.region or "",
        "time": lambda: local_time(use_case.calendar, facts.at),
        "amount": lambda: meaning.amount,
        "currency": lambda: meaning.currency,
        "count": lambda: meaning.count,
        "recipients": lambda: meaning.recipients,
        "history": lambda: dict(facts.history),
        "signals": lambda: {name: signal_variable(signal) for name, signal in signals.items()},
        "provenance": lambda: provenance_variable(provenance_of(meaning, context, use_case)),
    }
    return {name: make() for name, make in makers.items() if name in needed}


def claims_variable(claims: Claims | None) -> dict[str, Any]:
    """Return the agent's claims; an agent that claims nothing is taken to claim the best."""
    return (claims or Claims()).model_dump(mode="json")


def signals_for(bundle: Bundle, agent: str, use_case: str, action_type: str, facts: Facts) -> dict[str, Signal]:
    """Return the signal of every check the bundle uses: clear where the check is not about such actions, unknown
    where it should have answered and did not."""
    answers: dict[str, Signal] = {}
    for use in bundle.guardrails.checks:
        if not use.actions.selects(agent, use_case, action_type):
            answers.setdefault(use.check, Signal(check=use.check, version="", finding=Finding.CLEAR))
            continue
        missing = Signal(check=use.check, version="", finding=Finding.UNKNOWN, because="the check gave no answer")
        answers[use.check] = facts.signals.get(use.check, missing)
    return answers


def _use_case_variable(use_case: UseCase) -> dict[str, Any]:
    """Return what rules may ask of a use case. Lists of the catalog stay out: conditions would walk them."""
    return {
        "id": use_case.id,
        "title": use_case.title,
        "owner": use_case.owner,
        "accountable": use_case.accountable,
        "autonomy": use_case.autonomy.value,
        "channel": use_case.channel or "",
        "regions": use_case.regions,
        "classifications": sorted({source.classification for source in use_case.data_sources}),
    }
