"""The environment of conditions: an action laid out as the variables that rules and routes may use.

Only what some condition asks for is made, once per action.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from domain.action import Claims, Context
from domain.calendar import local_time
from domain.catalog import ActionType, Agent, Bundle, UseCase
from domain.facts import Facts
from domain.provenance import ROLES, provenance_of, provenance_variable
from domain.references import Asked, asked_part
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
    asked: Asked,
) -> dict[str, Any]:
    """Return what is asked for. What the agent left out of the context is null."""
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
        "provenance": lambda: provenance_variable(
            provenance_of(meaning, context, use_case, _roles(asked.get("provenance")))
        ),
    }
    return {name: asked_part(make(), asked[name]) for name, make in makers.items() if name in asked}


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
        answers[use.check] = facts.signals.get(use.check) or Signal(
            check=use.check, version="", finding=Finding.UNKNOWN, because="the check gave no answer"
        )
    return answers


def _roles(asked: Asked | None) -> Collection[str]:
    """Return the roles whose provenance is asked for: each of them where a list of roles is, too."""
    return ROLES if asked is None or not set(asked) <= set(ROLES) else asked


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
