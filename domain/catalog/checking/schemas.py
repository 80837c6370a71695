"""Does each schema of arguments mean what its author thinks?"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Place, Problem, suggestion
from domain.schemas import schema_problems

_DRAFT = "https://json-schema.org/draft/2020-12"
_VOCABULARIES = (
    "core",
    "applicator",
    "unevaluated",
    "validation",
    "meta-data",
    "format-annotation",
    "content",
)
_KEYWORDS = frozenset(REGISTRY.contents(f"{_DRAFT}/schema")["properties"]).union(
    *(REGISTRY.contents(f"{_DRAFT}/meta/{name}")["properties"] for name in _VOCABULARIES)
)
_SCHEMAS_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS_OF_SCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
_VALUES = ("const", "enum", "default", "examples")


def schema_of_arguments_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with the schemas of arguments."""
    for number, action_type in enumerate(bundle.action_types):
        place: Place = ("action_types", number, "arguments")
        broken = [Problem((*place, *path), message) for path, message in schema_problems(action_type.arguments)]
        yield from broken or _misunderstood(place, action_type.arguments)


def _misunderstood(place: Place, schema: Any) -> Iterator[Problem]:
    """Yield keywords that JSON Schema does not have: it would pass over a `maxlength` in silence."""
    if not isinstance(schema, Mapping):
        return
    properties = schema.get("properties")
    for name, inner in schema.items():
        if name not in _KEYWORDS and not name.startswith("x-"):
            message = f"JSON Schema has no keyword '{name}'{suggestion(name, _KEYWORDS)}"
            yield Problem((*place, name), message, at_name=True)
        elif name in _SCHEMAS_BY_NAME:
            for each in inner if isinstance(inner, Mapping) else ():
                yield from _misunderstood((*place, name, each), inner[each])
        elif name in _LISTS_OF_SCHEMAS:
            for index, each in enumerate(inner if isinstance(inner, list) else ()):
                yield from _misunderstood((*place, name, index), each)
        elif name not in _VALUES:
            yield from _misunderstood((*place, name), inner)
    if isinstance(properties, Mapping) and schema.get("additionalProperties") is False:
        for index, name in enumerate(schema.get("required", [])):
            if name not in properties and "patternProperties" not in schema:
                message = f"'{name}' is required, but no property has that name{suggestion(name, properties)}"
                yield Problem((*place, "required", index), message)
