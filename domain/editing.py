"""Editing arguments by a form: the fields that a reviewer may change, and the arguments that the filled form makes.

A field that nobody touched keeps its exact value, whatever a browser does to text on its way: no line ending and no
number's spelling changes by itself. What is typed becomes a value of the field's own kind.
"""

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from domain.action import Frozen
from domain.errors import InvalidRequest

MAX_FIELDS = 100
"""How many fields a form has at most."""

_MISSING = object()
_ITEMS = "[]"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?")
_UNCARRIED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE_END = re.compile(r"\r\n?")

Place = tuple[str | int, ...]


class FieldKind(StrEnum):
    """What a field holds. Lists are typed one item a line."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes/no"
    TEXTS = "list of texts"
    NUMBERS = "list of numbers"


class EditableField(Frozen):
    """One field of the form. `key` names its place within forms, `text` is what stands there, empty where nothing
    does; a yes/no is `true` or `false`."""

    key: str
    place: Place
    kind: FieldKind
    text: str

    @property
    def label(self) -> str:
        """Where it stands, for people."""
        return " › ".join(f"[{part}]" if isinstance(part, int) else part for part in self.place)


class EditForm(Frozen):
    """The fields, and the labels of what may be changed and cannot be carried by a form."""

    fields: list[EditableField]
    left_out: list[str]


def form_of(arguments: Mapping[str, Any], editable: Iterable[str], schema: Mapping[str, Any]) -> EditForm:
    """Return the form for the places that an action type's `editable` names, in its order.

    A place that the arguments lack is offered where the schema says what belongs there.
    """
    fields: dict[Place, EditableField] = {}
    left_out: list[str] = []
    for path in editable:
        for place, value in _places(arguments, path):
            for field in _fields(place, value, schema):
                if field.place in fields:
                    continue
                if _UNCARRIED.search(field.text) or len(fields) >= MAX_FIELDS:
                    left_out.append(field.label)
                else:
                    fields[field.place] = field
    return EditForm(fields=list(fields.values()), left_out=left_out)


def edited(arguments: Mapping[str, Any], form: EditForm, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments with what was typed, by key of its field. A field that is not in `typed` stays.

    Raises InvalidRequest, naming the field, for what is none of its kind, and for keys of no field.
    """
    if unknown := typed.keys() - {field.key for field in form.fields}:
        raise InvalidRequest(f"the form has no field '{min(unknown)[:40]}'; open the action again and edit it there")
    after: dict[str, Any] = copy.deepcopy(dict(arguments))
    for field in form.fields:
        text = _LINE_END.sub("\n", typed.get(field.key, field.text))
        if text != _LINE_END.sub("\n", field.text):
            _put(after, field.place, _value(field, text))
    return after


def _places(arguments: Mapping[str, Any], path: str) -> Iterator[tuple[Place, Any]]:
    """Yield each place that a path of the catalog means, with what stands there."""
    steps = path.replace("[]", ".[]").split(".")
    of_items = steps[-1] == _ITEMS
    if of_items:
        steps.pop()  # the items of a list are edited as the list
    found: list[tuple[Place, Any]] = [((), arguments)]
    for number, step in enumerate(steps, 1):
        following: list[tuple[Place, Any]] = []
        for place, value in found:
            if step == _ITEMS and isinstance(value, list):
                following += [((*place, at), item) for at, item in enumerate(value)]
            elif step != _ITEMS and isinstance(value, Mapping) and (step in value or number == len(steps)):
                following.append(((*place, step), value.get(step, _MISSING)))
        found = following
    yield from ((place, value) for place, value in found if isinstance(value, list) or not of_items)


def _fields(place: Place, value: Any, schema: Mapping[str, Any]) -> Iterator[EditableField]:
    """Yield the fields of a value: one for a plain value or a list of such, else those of what is in it."""
    if value is _MISSING or value is None or value == []:
        if (kind := _kind_by_schema(schema, place)) is not None:
            yield _field(place, kind, "")
    elif (plain := _plain(value)) is not None:
        yield _field(place, *plain)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _fields((*place, name), inner, schema)
    else:
        for at, item in enumerate(value):
            yield from _fields((*place, at), item, schema)


def _plain(value: Any) -> tuple[FieldKind, str] | None:
    """Return the kind and the text of a value that one field can hold."""
    if isinstance(value, str):
        return FieldKind.TEXT, value
    if isinstance(value, bool):
        return FieldKind.YES_NO, json.dumps(value)
    if isinstance(value, int | float):
        return FieldKind.NUMBER, json.dumps(value)
    if not isinstance(value, list):
        return None
    if all(isinstance(item, str) and item.strip() and not re.search(r"[\r\n]", item) for item in value):
        return FieldKind.TEXTS, "\n".join(value)
    if all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        return FieldKind.NUMBERS, "\n".join(map(json.dumps, value))
    return None


def _kind_by_schema(schema: Mapping[str, Any], place: Place) -> FieldKind | None:
    """Return what belongs where nothing stands, as far as the schema says it plainly."""
    at: Any = schema
    for part in place:
        at = at.get("items") if isinstance(part, int) else (at.get("properties") or {}).get(part)
        if not isinstance(at, Mapping):
            return None
    kind = _of_type(at)
    if kind is None and "array" in _types(at) and isinstance(at.get("items"), Mapping):
        return {FieldKind.TEXT: FieldKind.TEXTS, FieldKind.NUMBER: FieldKind.NUMBERS}.get(_of_type(at["items"]))  # type: ignore[arg-type]
    return kind


def _of_type(schema: Mapping[str, Any]) -> FieldKind | None:
    types = _types(schema)
    if "string" in types:
        return FieldKind.TEXT
    if "integer" in types or "number" in types:
        return FieldKind.NUMBER
    return FieldKind.YES_NO if "boolean" in types else None


def _types(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    return [named] if isinstance(named, str) else [each for each in named or [] if isinstance(each, str)]


def _field(place: Place, kind: FieldKind, text: str) -> EditableField:
    key = "f" + hashlib.sha256(json.dumps(place).encode()).hexdigest()[:16]
    return EditableField(key=key, place=place, kind=kind, text=text)


def _value(field: EditableField, text: str) -> Any:
    match field.kind:
        case FieldKind.TEXT:
            return text
        case FieldKind.NUMBER:
            return _number(field, text)
        case FieldKind.TEXTS:
            return [line for line in text.split("\n") if line.strip()]
        case FieldKind.NUMBERS:
            return [_number(field, line) for line in text.split("\n") if line.strip()]
        case FieldKind.YES_NO:
            if text not in ("true", "false"):
                raise InvalidRequest(f"in {field.label}, choose yes or no")
            return text == "true"


def _number(field: EditableField, text: str) -> int | float:
    said = text.strip()
    if _INTEGER.fullmatch(said):
        return int(said)
    if _NUMBER.fullmatch(said):
        return float(said)
    raise InvalidRequest(f"in {field.label}, '{said[:40]}' is not a number; write it like 1250 or 12.5")


def _put(arguments: dict[str, Any], place: Place, value: Any) -> None:
    at: Any = arguments
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = value
