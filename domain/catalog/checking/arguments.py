"""Do the paths into arguments lead somewhere?

A path that leads nowhere, or a role of the wrong kind, would not fail: it would count as a missing value, and a rule
on the amount or the recipient would never hold.
"""

from collections.abc import Iterator, Sequence

from domain.catalog.action_types import ActionType
from domain.catalog.bundle import Bundle
from domain.catalog.guardrails import Aggregate, Budget, Per, RateLimit
from domain.catalog.problems import Place, Problem, suggestion
from domain.conditions.shapes import NUMBERS, Kind, Shape, shape_of_schema
from domain.schemas import schema_problems

_TEXTS = frozenset({Kind.TEXT}) | NUMBERS
_LISTS = ("recipients", "accounts", "urls", "files", "texts")


def argument_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield paths that lead nowhere or to the wrong kind, and limits on what no action has."""
    for number, action_type in enumerate(bundle.action_types):
        if not any(schema_problems(action_type.arguments)):
            yield from _paths(("action_types", number), action_type)
    yield from _limits(bundle)


def _paths(place: Place, action_type: ActionType) -> Iterator[Problem]:
    shape = shape_of_schema(action_type.arguments)
    roles, where = action_type.roles, (*place, "roles")
    amounts = frozenset({Kind.WHOLE}) if roles.amount_unit == "minor" else NUMBERS
    for role, kinds in (
        ("amount", amounts),
        ("currency", frozenset({Kind.TEXT})),
        ("count", frozenset({Kind.WHOLE, Kind.LIST})),
    ):
        path = getattr(roles, role)
        if path is not None and (problem := _path_problem(path, shape, kinds, role)):
            yield Problem((*where, role), problem)
    for role in _LISTS:
        for index, path in enumerate(getattr(roles, role)):
            if problem := _path_problem(path, shape, _TEXTS, role):
                yield Problem((*where, role, index), problem)
    for field in ("editable", "personal_data"):
        for index, path in enumerate(getattr(action_type, field)):
            if problem := _path_problem(path, shape, None, field):
                yield Problem((*place, field, index), problem)


def _path_problem(path: str, shape: Shape, kinds: frozenset[Kind] | None, role: str) -> str | None:
    """Say where a path leaves the schema, or that what it leads to cannot have the role."""
    walked = ""
    for part in path.split("."):
        name, each = part.removesuffix("[]"), part.endswith("[]")
        if shape.is_known and Kind.LIST in shape.kinds and Kind.RECORD not in shape.kinds:
            return f"'{walked}' is a list: write {walked}[].{path[len(walked) + 1 :]} to mean each of its items"
        if shape.is_known and name not in shape.fields:
            if not shape.fields and walked:
                return f"'{walked}' is {shape} and has no fields: leave out .{name}"
            at = f"'{walked}' has" if walked else "the arguments have"
            return f"{at} no field '{name}'{suggestion(name, shape.fields)}"
        shape = shape.fields.get(name, Shape())
        walked = f"{walked}.{part}" if walked else part
        if each:
            if shape.is_known and Kind.LIST not in shape.kinds:
                return f"'{walked.removesuffix('[]')}' is {shape} and has no items: leave out the []"
            shape = shape.item or Shape()
    return _kind_problem(path, shape, kinds, role) if kinds is not None else None


def _kind_problem(path: str, shape: Shape, kinds: frozenset[Kind], role: str) -> str | None:
    if not shape.is_known:
        return None
    shape = shape.without_null()
    inner = shape.item if shape.kinds == {Kind.LIST} and Kind.LIST not in kinds else shape
    if inner is None or not inner.is_known or inner.kinds <= kinds:
        return None
    if role == "amount" and inner.kinds <= NUMBERS:
        return (
            f"'{path}' may have decimals, but is taken for minor units (cents): write amount_unit: major beside it, or "
            "type: integer in its schema"
        )
    return f"'{path}' leads to {inner}, which cannot be the {role}; it must be {Shape(kinds)}"


def _limits(bundle: Bundle) -> Iterator[Problem]:
    """Yield limits on amounts and recipients that no action they are about has."""
    guardrails = bundle.guardrails
    tables: list[tuple[str, Sequence[RateLimit | Budget | Aggregate]]] = [
        ("rate_limits", guardrails.rate_limits),
        ("budgets", guardrails.budgets),
        ("aggregates", guardrails.aggregates),
    ]
    for table, entries in tables:
        for number, entry in enumerate(entries):
            place: Place = ("guardrails", table, number)
            names = entry.actions.action_types
            about = [each for each in bundle.action_types if not names or each.id in names]
            sums = isinstance(entry, Budget) or (isinstance(entry, Aggregate) and entry.of == "amount")
            if about and sums and not any(each.roles.amount for each in about):
                yield Problem(
                    place,
                    f"'{entry.id}' adds up amounts, but no action type it is about says which argument is the amount: "
                    "write roles: {amount: ...} there",
                )
            if about and Per.RECIPIENT in entry.per and not any(a.roles.recipients or a.roles.accounts for a in about):
                yield Problem(
                    (*place, "per"),
                    f"'{entry.id}' counts per recipient, but no action type it is about says which argument that is: "
                    "write roles: {recipients: [...]} there",
                )
