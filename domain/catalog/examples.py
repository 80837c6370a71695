"""Examples that a bundle carries as its tests: an action, and what the policy must make of it."""

from datetime import datetime
from typing import Any

from domain.action import Context, Frozen, Identifier, Route, Tier
from domain.catalog.values import Title


class Expectation(Frozen):
    """What must come out. `hits` are all rules that must match, no more and no fewer, where it is given."""

    tier: Tier | None = None
    route: Route
    hits: list[Identifier] | None = None
    approval: Identifier | None = None


class Example(Frozen):
    """One action as an agent would submit it, with the past and the signals it meets, and what must come out."""

    id: Identifier
    title: Title | None = None
    agent: Identifier
    use_case: Identifier
    action_type: Identifier
    arguments: dict[str, Any]
    context: Context = Context()
    at: datetime | None = None
    history: dict[str, int] = {}
    expect: Expectation
