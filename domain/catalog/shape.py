"""The shape of catalog entries: whether a document has it, and in plain words what keeps it from having it."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from domain.catalog.problems import Place, Problem, suggestion

Model = TypeVar("Model", bound=BaseModel)
MAX_SHOWN = 60


class Misshapen(Exception):
    """A document does not have the shape of a model; `problems` say where and what to write instead."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def shaped(model: type[Model], document: Any) -> Model:
    """Return a document of plain JSON values as a model. Raises Misshapen with every problem.

    Nothing is converted: `"5"` is no number and `yes` is not true, because a reader would not expect it either.
    """
    try:
        return model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as failure:
        raise Misshapen([_problem(model, error) for error in failure.errors(include_url=False)]) from failure


def _problem(model: type[BaseModel], error: Any) -> Problem:
    place: Place = tuple(part for part in error["loc"] if part != "[key]")
    kind, name = error["type"], _named(place)
    if kind == "extra_forbidden":
        known = _schema_at(model, place[:-1]).get("properties", {})
        return Problem(place, f"no field '{place[-1]}' here{suggestion(str(place[-1]), known)}", at_name=True)
    if kind == "missing":
        wanted = _example(_schema_at(model, place))
        return Problem(place, f"'{place[-1]}' is missing: add {place[-1]}: {wanted}")
    is_name = "[key]" in error["loc"]
    return Problem(place, _wrong_value(model, place, name, error), at_name=is_name)


def _wrong_value(model: type[BaseModel], place: Place, name: str, error: Any) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in ("enum", "literal_error"):
        known = [str(each) for each in _enumerated(_schema_at(model, place))]
        return f"{name} is {_shown(value)}, but must be one of {', '.join(known)}{_near(value, known)}"
    if kind == "string_pattern_mismatch":
        expected = _PATTERNS.get(context["pattern"], f"must have the form {context['pattern']}")
        return f"{name} is {_shown(value)}, but {expected}"
    if kind in _LIMITS:
        return _LIMITS[kind](name, value, context)
    for start, (expected, hint) in _EXPECTED.items():
        if kind.startswith(start):
            return f"{name} is {_shown(value)}, but must be {expected}{hint(value)}"
    return f"{name} is {_shown(value)}, which cannot be used: {error['msg']}"


def _named(place: Place) -> str:
    """Return how a message calls a value: by its field, or as an entry of its list."""
    if place and isinstance(place[-1], int):
        lists = [part for part in place if isinstance(part, str)]
        return f"entry {place[-1] + 1} of '{lists[-1]}'" if lists else f"entry {place[-1] + 1}"
    return f"'{place[-1]}'" if place else "the whole"


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {str(value)[:MAX_SHOWN]}"
    if isinstance(value, str):
        cut = f"{value[:MAX_SHOWN]}..." if len(value) > MAX_SHOWN else value
        return f"the text '{cut}'" if value else "an empty text"
    return "a list" if isinstance(value, list) else "a set of fields"


def _near(value: Any, known: list[str]) -> str:
    near = suggestion(value[:MAX_SHOWN], known) if isinstance(value, str) else ""
    return near if near.startswith("; did you mean") else ""


def _quoted(value: Any) -> str:
    if value is None or isinstance(value, list | dict):
        return ", such as 'like this'"
    return f': put it in quotes, "{str(value).lower() if isinstance(value, bool) else value}"'


def _bare(value: Any) -> str:
    is_digits = isinstance(value, str) and value.strip().lstrip("-").isdigit()
    return f": write {value.strip()} without quotes" if is_digits else ", such as 5"


def _truth(value: Any) -> str:
    meant = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
    word = meant.get(value.lower()) if isinstance(value, str) else None
    return f": write {word}" if word else ""


def _bracketed(value: Any) -> str:
    return f": write [{value}]" if isinstance(value, str) and len(value) < MAX_SHOWN else ", such as [a, b]"


def _such(example: str) -> Callable[[Any], str]:
    return lambda value: f", such as {example}"


_EXPECTED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "string_": ("a text", _quoted),
    "int_": ("a whole number", _bare),
    "float_": ("a number", _bare),
    "bool_": ("true or false", _truth),
    "list_": ("a list", _bracketed),
    "model_": ("a set of fields", _such("{id: x}")),
    "dict_": ("a set of fields", _such("{name: value}")),
    "datetime_": ("a moment with its zone", _such("2026-01-31T09:00:00Z")),
    "timezone_": ("a moment with its zone", _such("2026-01-31T09:00:00Z")),
    "date_": ("a date", _such("2026-01-31")),
    "time_delta_": ("a length of time", _such("30s, 15m, 4h or 2d")),
    "time_": ("a time of day", _such("'09:00'")),
}
_IDENTIFIER = r"^[a-z0-9][a-z0-9._-]{0,79}$"
_PATTERNS = {
    _IDENTIFIER: (
        "an id has only lower-case letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most "
        "80 characters, such as refund-clerk"
    ),
    r"^[a-z][a-z0-9_]{0,39}$": (
        "must be lower-case letters, digits and '_', beginning with a letter, so that conditions can name it, such as "
        "paid_in_a_day"
    ),
    r"^[A-Z]{3}$": "must be a currency in three capital letters, such as EUR",
    r"^[^@\s]+@[^@\s]+$": "must be an e-mail address, such as ann@example.com",
    r"^[UW][A-Z0-9]{2,30}$": "must be a Slack user id, which begins with U or W, such as U01ABCDE (not the name)",
    r"^[CGD][A-Z0-9]{2,30}$": "must be a Slack channel id, which begins with C, such as C01ABCDE (not the name)",
    r"^S[A-Z0-9]{2,30}$": "must be a Slack user group id, which begins with S, such as S01ABCDE (not the handle)",
    r"^[A-Z]{2}(-[A-Z0-9]{1,6})?$": "must be a country, such as DE, or a part of it, such as DE-BY",
    r"^[a-z0-9.-]{1,253}$": "must be a domain in lower case, such as example.com",
    r"^[A-Za-z_][A-Za-z0-9_]*(\[\])?(\.[A-Za-z_][A-Za-z0-9_]*(\[\])?)*$": (
        "must be a path into the arguments, such as refund.amount_minor or lines[].account"
    ),
}


def _amount(limit: Any) -> str:
    """Return a limit as people write it. Pydantic gives limits of time as the text of a Python value."""
    found = _TIMEDELTAS.get(str(limit))
    return found or (f"{limit.days}d" if isinstance(limit, timedelta) else str(limit))


_TIMEDELTAS = {"datetime.timedelta(0)": "0s", "datetime.timedelta(days=30)": "30d"}
_LIMITS: dict[str, Callable[[str, Any, Mapping[str, Any]], str]] = {
    "string_too_short": lambda name, value, ctx: f"{name} is empty: write something there, or leave the field out",
    "string_too_long": lambda name, value, ctx: (
        f"{name} has {len(str(value))} characters; the limit is {ctx['max_length']}: shorten it"
    ),
    "too_short": lambda name, value, ctx: f"{name} has no entries: it needs at least {ctx['min_length']}",
    "too_long": lambda name, value, ctx: f"{name} has too many entries: the limit is {ctx['max_length']}",
    "greater_than": lambda name, value, ctx: f"{name} is {_shown(value)}, but must be more than {_amount(ctx['gt'])}",
    "greater_than_equal": lambda name, value, ctx: (
        f"{name} is {_shown(value)}, but must be at least {_amount(ctx['ge'])}"
    ),
    "less_than": lambda name, value, ctx: f"{name} is {_shown(value)}, but must be less than {_amount(ctx['lt'])}",
    "less_than_equal": lambda name, value, ctx: f"{name} is {_shown(value)}, but must be at most {_amount(ctx['le'])}",
}


@lru_cache(maxsize=64)
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def _schema_at(model: type[BaseModel], place: Place) -> Mapping[str, Any]:
    """Return the JSON Schema of what stands at a place of a model; empty where it has none."""
    root = _schema(model)
    found: Mapping[str, Any] = root
    for part in place:
        inner = found.get("items") if isinstance(part, int) else found.get("properties", {}).get(part)
        if inner is None:
            named = [found.get("additionalProperties"), *found.get("patternProperties", {}).values()]
            inner = next((schema for schema in named if schema), {})
        found = _plain(inner, root)
    return found


def _plain(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without references, and without the null of optional fields."""
    if not isinstance(schema, dict):
        return {}
    found: dict[str, Any] = schema
    while "$ref" in found or "anyOf" in found:
        if "$ref" in found:
            found = root["$defs"][found["$ref"].rpartition("/")[2]]
        else:
            found = next((part for part in found["anyOf"] if part.get("type") != "null"), {})
    return found


def _enumerated(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from [schema["const"]] if "const" in schema else schema.get("enum", [])


def _example(schema: Mapping[str, Any]) -> str:
    """Return what a missing field could look like."""
    if values := list(_enumerated(schema)):
        return " or ".join(str(value) for value in values)
    if (pattern := schema.get("pattern")) in _PATTERNS:
        return "some-id" if pattern == _IDENTIFIER else _PATTERNS[pattern].rpartition("such as ")[2].partition(" (")[0]
    by_format = {"date": "2026-01-31", "duration": "4h", "time": "'09:00'", "date-time": "2026-01-31T09:00:00Z"}
    by_type = {"array": "[...]", "object": "{...}", "integer": "1", "boolean": "true"}
    return by_format.get(schema.get("format", "")) or by_type.get(schema.get("type", ""), "...")
