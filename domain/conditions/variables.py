"""What each variable of a condition can be. `domain.environment` makes the values; a test holds the two together."""

from collections.abc import Mapping
from functools import cached_property

from domain.action import Tier
from domain.catalog.bundle import Bundle
from domain.catalog.risk import Dimension
from domain.catalog.use_cases import Autonomy
from domain.conditions.shapes import (
    ANYTHING,
    OPTIONAL_TEXT,
    TEXT,
    TRUTH,
    WHOLE,
    Shape,
    joined,
    list_of,
    one_of,
    record,
    shape_of_schema,
)
from domain.schemas import schema_problems

_SPOKEN = ("prompt", "output", "reasoning", "on_behalf_of", "region", "session_id")
_CLASSIFICATIONS = ("public", "internal", "personal", "sensitive", "financial")


class Variables:
    """The variables that conditions of one bundle may use, with what they can be."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.action_types = frozenset(action_type.id for action_type in bundle.action_types)
        self.use_cases = frozenset(use_case.id for use_case in bundle.use_cases)
        self._types_of = {use_case.id: frozenset(use_case.action_types) for use_case in bundle.use_cases}
        self._arguments: dict[frozenset[str], Shape] = {}

    def asked_in(self, use_cases: frozenset[str]) -> frozenset[str]:
        """Return the action types that some of these use cases may use."""
        return frozenset[str]().union(*(self._types_of[name] for name in use_cases if name in self._types_of))

    def arguments(self, action_types: frozenset[str]) -> Shape:
        """Return what the arguments of these action types can be."""
        if action_types not in self._arguments:
            self._arguments[action_types] = joined(self.schemas[name] for name in sorted(action_types))
        return self._arguments[action_types]

    @cached_property
    def schemas(self) -> Mapping[str, Shape]:
        """The shape of each action type's arguments; one whose schema is broken can be anything."""
        return {
            action_type.id: ANYTHING
            if any(schema_problems(action_type.arguments))
            else shape_of_schema(action_type.arguments)
            for action_type in self._bundle.action_types
        }

    @cached_property
    def fixed(self) -> Mapping[str, Shape]:
        """Every variable but `arguments`."""
        bundle = self._bundle
        return {
            "action_type": one_of(self.action_types),
            "reversible": TRUTH,
            "context": record(dict.fromkeys(_SPOKEN, OPTIONAL_TEXT)),
            "claims": record({"confidence": WHOLE, "risk": one_of(tier.value for tier in Tier), "reversible": TRUTH}),
            "agent": self._agent,
            "use_case": self._use_case,
            "region": TEXT,
            "time": record(
                {**dict.fromkeys(("hour", "minute", "weekday"), WHOLE), "date": TEXT, "business_hours": TRUTH}
            ),
            "amount": WHOLE,
            "currency": TEXT,
            "count": WHOLE,
            "recipients": list_of(TEXT),
            "history": record({aggregate.id: WHOLE for aggregate in bundle.guardrails.aggregates}),
            "signals": record({use.check: _SIGNAL for use in bundle.guardrails.checks}),
            "provenance": _provenance(),
            "scores": record({**{dimension.value: WHOLE for dimension in Dimension}, "total": WHOLE}),
            "tier": one_of(tier.value for tier in Tier),
        }

    @property
    def _agent(self) -> Shape:
        agents = self._bundle.agents
        return record(
            {
                "id": one_of(agent.id for agent in agents),
                "title": TEXT,
                "owner": one_of(person.id for person in self._bundle.people),
                "vendor": OPTIONAL_TEXT,
                "model": OPTIONAL_TEXT,
                "status": one_of(["active", "suspended"]),
            }
        )

    @property
    def _use_case(self) -> Shape:
        people = one_of(person.id for person in self._bundle.people)
        return record(
            {
                "id": one_of(self.use_cases),
                "title": TEXT,
                "owner": people,
                "accountable": people,
                "autonomy": one_of(autonomy.value for autonomy in Autonomy),
                "channel": TEXT,
                "regions": list_of(TEXT),
                "classifications": list_of(one_of(_CLASSIFICATIONS)),
            }
        )


_SIGNAL = record({"found": TRUTH, "unknown": TRUTH, "kinds": list_of(TEXT), "fields": list_of(TEXT)})


def _provenance() -> Shape:
    # Here, because provenance knows the use cases of the catalog, and the catalog checks its conditions with this.
    from domain.provenance import ROLES, Origin

    roles = list_of(one_of(ROLES))
    origins = one_of(origin.value for origin in Origin)
    return record({**dict.fromkeys(ROLES, origins), "instructed": roles, "ambiguous": roles, "public": roles})
