"""JSON Schema for the arguments of action types: checked with the bundle, applied to each submission."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

MAX_SHOWN = 5


def schema_problems(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what keeps `schema` from describing arguments, each with its path inside the schema."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as problem:
        yield tuple(problem.absolute_path), f"not a JSON Schema: {problem.message[:300]}"
        return
    except RecursionError:
        yield (), "the schema nests too deep"
        return
    yield from _unresolvable(schema)
    if schema.get("type") != "object":
        yield (), "the schema of arguments must say 'type: object'"


def arguments_validator(schema: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """Return the validator of a schema. It never fetches what a reference names."""
    made: jsonschema.Draft202012Validator = _Validator(
        schema, registry=Registry(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return made


def _pattern(_validator: Any, wanted: str, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """Check `pattern` as JSON Schema means it: ECMA 262's `$` is the very end, Python's may precede a newline."""
    if isinstance(value, str) and not _ecma(wanted).search(value):
        yield jsonschema.ValidationError(f"{value!r} does not match {wanted!r}")


@functools.cache
def _ecma(wanted: str) -> re.Pattern[str]:
    return re.compile(_TOKEN.sub(lambda token: r"\Z" if token.group() == "$" else token.group(), wanted))


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
"""An escape, a character class, or the `$` that stands outside both."""

_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)


def misfits(validator: jsonschema.Draft202012Validator, arguments: Mapping[str, Any]) -> str:
    """Return where and how `arguments` do not fit, by JSON path; empty when they do."""
    try:
        errors = sorted(validator.iter_errors(arguments), key=lambda error: error.json_path)
    except RecursionError:
        return "$: the schema refers to itself without end"
    shown = "; ".join(f"{error.json_path}: {error.message[:200]}" for error in errors[:MAX_SHOWN])
    return f"{shown} (and {len(errors) - MAX_SHOWN} more)" if len(errors) > MAX_SHOWN else shown


def _unresolvable(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the references that lead nowhere inside the schema: they would fail each submission."""
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    values: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while values:
        path, value = values.pop()
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        values.extend(((*path, key), inner) for key, inner in inside)
        for keyword in ("$ref", "$dynamicRef"):
            reference = value.get(keyword) if isinstance(value, dict) else None
            if not isinstance(reference, str):
                continue
            try:
                resolver.lookup(reference)
            except (Unresolvable, ValueError):
                yield (*path, keyword), f"no '{reference}' in this schema; a reference must stay inside it"
