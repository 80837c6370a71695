"""What a value can be: its kinds, its fields, and the values that a schema lists."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

MAX_DEPTH = 12
MAX_UNFOLDED = 2000


class Kind(StrEnum):
    """The kinds of value, in the words that messages use."""

    TRUTH = "true or false"
    WHOLE = "a whole number"
    DECIMAL = "a number with decimals"
    TEXT = "a text"
    LIST = "a list"
    RECORD = "a record"
    NULL = "null"
    MOMENT = "a moment"
    SPAN = "a span of time"


NUMBERS = frozenset({Kind.WHOLE, Kind.DECIMAL})
_JSON_KINDS = {
    "boolean": {Kind.TRUTH},
    "integer": {Kind.WHOLE},
    "number": {Kind.WHOLE, Kind.DECIMAL},
    "string": {Kind.TEXT},
    "array": {Kind.LIST},
    "object": {Kind.RECORD},
    "null": {Kind.NULL},
}


@dataclass(frozen=True)
class Shape:
    """What is known of a value. No kinds at all: it can be anything.

    `values` are all the values it can have, where they are known. Of a record `fields` are those that are described,
    `required` those that are always there; a `closed` one has no others.
    """

    kinds: frozenset[Kind] = frozenset()
    values: frozenset[str | int | float | bool] | None = None
    item: "Shape | None" = None
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    closed: bool = False

    def __str__(self) -> str:
        names = [kind.value for kind in Kind if kind in self.kinds and kind is not Kind.NULL]
        if self.kinds >= NUMBERS:
            names = ["a number", *(name for name in names if name not in (Kind.WHOLE, Kind.DECIMAL))]
        return " or ".join(names + ["null"] * (Kind.NULL in self.kinds)) or "anything"

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.kinds)

    def without_null(self) -> "Shape":
        """Return the shape of the same value where it is known not to be null."""
        return replace(self, kinds=self.kinds - {Kind.NULL}) if self.kinds != {Kind.NULL} else self


ANYTHING = Shape()
TRUTH = Shape(frozenset({Kind.TRUTH}))
WHOLE = Shape(frozenset({Kind.WHOLE}))
DECIMAL = Shape(frozenset({Kind.DECIMAL}))
TEXT = Shape(frozenset({Kind.TEXT}))
OPTIONAL_TEXT = Shape(frozenset({Kind.TEXT, Kind.NULL}))


def one_of(values: Iterable[str]) -> Shape:
    """Return the shape of a text that is one of these; of any text when there are none."""
    known = frozenset(values)
    return Shape(frozenset({Kind.TEXT}), values=known) if known else TEXT


def list_of(item: Shape) -> Shape:
    """Return the shape of a list."""
    return Shape(frozenset({Kind.LIST}), item=item)


def record(fields: Mapping[str, Shape]) -> Shape:
    """Return the shape of a record that always has these fields and no others."""
    return Shape(frozenset({Kind.RECORD}), fields=fields, required=frozenset(fields), closed=True)


def of_value(value: Any) -> Shape:
    """Return the shape of one known value."""
    if value is None:
        return Shape(frozenset({Kind.NULL}))
    kinds = {bool: Kind.TRUTH, int: Kind.WHOLE, float: Kind.DECIMAL, str: Kind.TEXT, list: Kind.LIST, dict: Kind.RECORD}
    kind = kinds[type(value)]
    known = frozenset({value}) if kind in (Kind.TRUTH, Kind.WHOLE, Kind.DECIMAL, Kind.TEXT) else None
    return Shape(frozenset({kind}), values=known)


def joined(shapes: Iterable[Shape]) -> Shape:
    """Return what a value can be that has one of these shapes: fields that only some have are not required."""
    every = list(shapes)
    if not every or not all(shape.is_known for shape in every):
        return ANYTHING
    if len(every) == 1:
        return every[0]
    records = [shape for shape in every if Kind.RECORD in shape.kinds]
    names = {name: None for shape in records for name in shape.fields}
    items = [shape.item for shape in every if Kind.LIST in shape.kinds]
    known = [shape.values for shape in every if shape.kinds != {Kind.NULL}]
    return Shape(
        kinds=frozenset[Kind]().union(*(shape.kinds for shape in every)),
        values=frozenset[Any]().union(*(v for v in known if v is not None)) if known and None not in known else None,
        item=joined(item or ANYTHING for item in items) if items else None,
        fields={name: joined(shape.fields[name] for shape in records if name in shape.fields) for name in names},
        required=frozenset.intersection(*(shape.required for shape in records)) if records else frozenset(),
        closed=all(shape.closed for shape in records),
    )


def shape_of_schema(schema: Mapping[str, Any]) -> Shape:
    """Return the shape of what a JSON Schema describes. What it leaves open, or hides too deep, can be anything."""
    return _Reader(schema).shape(schema, 0)


class _Reader:
    """Reads one schema. A schema may refer to itself, so only so much of it is unfolded."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = MAX_UNFOLDED

    def shape(self, schema: Any, depth: int) -> Shape:
        self._left -= 1
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH or self._left < 0:
            return ANYTHING
        if "$ref" in schema:
            return self.shape(_resolved(schema["$ref"], self._root), depth + 1)
        for alternatives in ("anyOf", "oneOf"):
            if alternatives in schema and not {"type", "properties"} & set(schema):
                return joined([self.shape(part, depth + 1) for part in schema[alternatives]])
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if values is not None:
            return joined([of_value(value) for value in values])
        return self._plain(schema, depth)

    def _plain(self, schema: Mapping[str, Any], depth: int) -> Shape:
        kinds = _kinds(schema)
        items = schema.get("items") if Kind.LIST in kinds and "prefixItems" not in schema else None
        parts = [part for part in (schema, *schema.get("allOf", [])) if isinstance(part, Mapping)]
        fields = {name: inner for part in reversed(parts) for name, inner in part.get("properties", {}).items()}
        is_record = Kind.RECORD in kinds
        return Shape(
            kinds=kinds,
            item=self.shape(items, depth + 1) if items is not None else None,
            fields={name: self.shape(inner, depth + 1) for name, inner in fields.items()} if is_record else {},
            required=frozenset(name for part in parts for name in part.get("required", []))
            if is_record
            else frozenset(),
            closed=schema.get("additionalProperties") is False and "patternProperties" not in schema,
        )


def _kinds(schema: Mapping[str, Any]) -> frozenset[Kind]:
    written = schema.get("type", "object" if "properties" in schema else [])
    names = [written] if isinstance(written, str) else written
    return frozenset(kind for name in names for kind in _JSON_KINDS.get(name, ()))


def _resolved(reference: Any, root: Mapping[str, Any]) -> Any:
    """Return what a reference inside the schema leads to, None where that is not plain."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for part in _parts(reference):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _parts(reference: str) -> Iterator[str]:
    for part in reference.removeprefix("#").split("/")[1:]:
        yield part.replace("~1", "/").replace("~0", "~")
