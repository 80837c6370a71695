"""Does every action get a route, and each route a turn?"""

from collections.abc import Iterator

from domain.action import Route, Tier
from domain.catalog.bundle import Bundle
from domain.catalog.problems import Problem
from domain.catalog.routes import RouteRule


def route_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with the order of routes."""
    for number, route in enumerate(bundle.routes):
        if route.do is Route.ASK and route.approval is None:
            message = "'do: ask' needs to know how people are asked: write approval: with an id of 'approvals'"
            yield Problem(("routes", number), message)
        if route.do is not Route.ASK and route.approval is not None:
            message = f"nobody is asked where it says 'do: {route.do.value}': write do: ask, or leave approval out"
            yield Problem(("routes", number, "approval"), message)
        if _takes_everything(route) and number < len(bundle.routes) - 1:
            message = "this route takes every action, so the routes below it are never asked; move it to the end"
            yield Problem(("routes", number), message)
    last = bundle.routes[-1]
    if last.use_cases or last.when or (last.tiers and Tier.HIGH not in last.tiers):
        yield Problem(
            ("routes", len(bundle.routes) - 1),
            "the last route must take every use case and at least tier high, without a condition: what no route takes "
            "is denied, and that should stand here",
        )


def _takes_everything(route: RouteRule) -> bool:
    return not (route.use_cases or route.when or route.tiers) or (not route.use_cases and set(route.tiers) == set(Tier))
