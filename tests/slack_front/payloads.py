"""Checks blocks and views against Slack's published types and limits, and says what is wrong where.

Three looks at the same thing: the JSON Schema made from Slack's own types (`block_kit.schema.json`), the models of
slack_sdk, and the limits below, which neither of them knows in full. Lengths are in UTF-16 code units.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

SCHEMA = Path(__file__).with_name("block_kit.schema.json")
BLOCKS = {"message": 50, "modal": 100, "home": 100}
NOT_ON = {
    "message": {"alert", "file"},
    "modal": {"markdown", "table", "card", "data_table", "container", "carousel", "plan", "task_card"},
    "home": {"markdown", "table"},
}
VIEW_BYTES = 250_000
_ID = 255
_TEXTS = {
    ("header", "text"): 150,
    ("section", "text"): 3000,
    ("section", "fields"): 2000,
    ("context", "elements"): 3000,
    ("input", "label"): 2000,
    ("input", "hint"): 2000,
    ("image", "title"): 2000,
    ("button", "text"): 75,
    ("modal", "title"): 24,
    ("modal", "submit"): 24,
    ("modal", "close"): 24,
    ("plain_text_input", "placeholder"): 150,
    ("static_select", "placeholder"): 150,
    ("multi_static_select", "placeholder"): 150,
    ("users_select", "placeholder"): 150,
    ("datepicker", "placeholder"): 150,
    ("option", "text"): 75,
    ("option", "description"): 75,
    ("confirm", "title"): 100,
    ("confirm", "text"): 300,
    ("confirm", "confirm"): 30,
    ("confirm", "deny"): 30,
}
"""How long a text object may be, by what holds it."""
_STRINGS = {
    ("button", "value"): 2000,
    ("button", "url"): 3000,
    ("button", "accessibility_label"): 75,
    ("option", "value"): 75,
    ("image", "image_url"): 3000,
    ("image", "alt_text"): 2000,
    ("markdown", "text"): 12_000,
    ("plain_text_input", "initial_value"): 3000,
    ("modal", "private_metadata"): 3000,
    ("home", "private_metadata"): 3000,
}
_COUNTS = {
    ("actions", "elements"): 25,
    ("context", "elements"): 10,
    ("section", "fields"): 10,
    ("overflow", "options"): 5,
    ("static_select", "options"): 100,
    ("multi_static_select", "options"): 100,
    ("radio_buttons", "options"): 10,
    ("checkboxes", "options"): 10,
}
"""How many there may be; at least one of each."""


def message_problems(blocks: object) -> list[str]:
    """Return what Slack would refuse in the blocks of a message; nothing when it would take them."""
    return list(_block_problems(blocks, "message"))


def view_problems(view: object) -> list[str]:
    """Return what Slack would refuse in a modal or a Home tab."""
    if not isinstance(view, Mapping) or view.get("type") not in ("modal", "home"):
        return ["a view is an object of the type modal or home"]
    kind = str(view["type"])
    return [
        *_shape(view, "ModalView" if kind == "modal" else "HomeView"),
        *_formed(lambda: View(**{str(name): value for name, value in view.items()}).to_dict(), ""),
        *_limits(view, kind, ""),
        *_inputs(view),
        *([f"must be less than {VIEW_BYTES} bytes"] if len(json.dumps(view).encode()) > VIEW_BYTES else []),
        *_block_problems(view.get("blocks"), kind),
    ]


def _block_problems(blocks: object, surface: str) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield "blocks must be a list [json-pointer:/blocks]"
        return
    if len(blocks) > BLOCKS[surface] or (not blocks and surface != "home"):
        yield f"must have 1 to {BLOCKS[surface]} blocks, not {len(blocks)} [json-pointer:/blocks]"
    ids = Counter(block.get("block_id") for block in blocks if isinstance(block, Mapping) and block.get("block_id"))
    for block_id in [each for each, count in ids.items() if count > 1]:
        yield f"block_id {block_id} already exists [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        where = f"/blocks/{number}"
        definition = _definitions_by_type().get(str(block.get("type"))) if isinstance(block, Mapping) else None
        if definition is None or block["type"] in NOT_ON[surface]:
            kind = block.get("type") if isinstance(block, Mapping) else block
            yield f"unsupported type: {kind} [json-pointer:{where}]"
            continue
        yield from (f"{said}{where}" for said in _shape(block, definition))
        yield from _formed(lambda block=block: _sdk_block(block), where)
        yield from _limits(block, str(block["type"]), where)
        yield from _actions(block, where)


def _shape(value: Mapping[str, Any], definition: str) -> list[str]:
    """Compare with Slack's own types."""
    found = best_match(_validator(definition).iter_errors(value))
    if found is None:
        return []
    return [f"{found.message[:200]} at /{'/'.join(str(part) for part in found.absolute_path)} of "]


def _formed(form: Any, where: str) -> list[str]:
    """Let slack_sdk's models look at it."""
    try:
        form()
    except (SlackObjectFormationError, TypeError, ValueError, AttributeError) as problem:
        return [f"{problem} [json-pointer:{where}]"]
    return []


def _sdk_block(block: Mapping[str, Any]) -> None:
    parsed = Block.parse(dict(block))
    if parsed is None:
        raise ValueError(f"slack_sdk knows no block of the type {block.get('type')}")
    parsed.to_dict()


def _limits(value: Mapping[str, Any], kind: str, where: str) -> Iterator[str]:
    """Walk through everything in a block or view, and compare lengths and counts."""
    for name in ("action_id", "block_id", "callback_id", "external_id"):
        if name in value and not 1 <= units(str(value[name])) <= _ID:
            yield f"must be 1 to {_ID} characters long [json-pointer:{where}/{name}]"
    for name, part in value.items():
        here = f"{where}/{name}"
        if (kind, name) in _STRINGS and units(str(part)) > _STRINGS[kind, name]:
            yield f"must be less than {_STRINGS[kind, name] + 1} characters [json-pointer:{here}]"
        if (kind, name) in _COUNTS and not 1 <= len(part) <= _COUNTS[kind, name]:
            yield f"must have 1 to {_COUNTS[kind, name]} items [json-pointer:{here}]"
        if name == "blocks":  # looked at one by one
            continue
        for number, each in enumerate(part if isinstance(part, list) else [part]):
            if isinstance(each, Mapping):
                inner = f"{here}/{number}" if isinstance(part, list) else here
                yield from _text_or_part(each, kind, name, inner)


def _text_or_part(part: Mapping[str, Any], kind: str, name: str, where: str) -> Iterator[str]:
    if part.get("type") in ("mrkdwn", "plain_text"):
        limit = _TEXTS.get((kind, name), 3000)
        if not 1 <= units(str(part.get("text", ""))) <= limit:
            yield f"must be 1 to {limit} characters long [json-pointer:{where}/text]"
        return
    inner = str(part.get("type") or {"options": "option", "confirm": "confirm"}.get(name, name))
    yield from _limits(part, inner, where)


def _actions(block: Mapping[str, Any], where: str) -> Iterator[str]:
    """Compare the action ids of a block, which must differ, and its buttons' primary ones."""
    elements = block.get("elements")
    if block.get("type") != "actions" or not isinstance(elements, list):
        return
    ids = Counter(element.get("action_id") for element in elements if isinstance(element, Mapping))
    for action_id in [each for each, count in ids.items() if each and count > 1]:
        yield f"action_id {action_id} already exists in the block [json-pointer:{where}/elements]"


def _inputs(view: Mapping[str, Any]) -> list[str]:
    """A modal with a field must have a button that sends it."""
    blocks = view.get("blocks")
    fields: Sequence[Any] = blocks if isinstance(blocks, list) else []
    asks = any(isinstance(block, Mapping) and block.get("type") == "input" for block in fields)
    return ["submit is required when there is an input block [json-pointer:/view]"] * (
        asks and view["type"] == "modal" and "submit" not in view
    )


def units(text: str) -> int:
    """Return the length of a text in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found


@cache
def _validator(definition: str) -> Draft7Validator:
    return Draft7Validator({**_schema(), "$ref": f"#/definitions/{definition}"})


@cache
def _definitions_by_type() -> dict[str, str]:
    """Return the name of each block's definition by the block's type."""
    definitions = _schema()["definitions"]
    found = {}
    for each in definitions["KnownBlock"]["anyOf"]:
        name = each["$ref"].rpartition("/")[2]
        first = definitions[name].get("anyOf", [definitions[name]])[0]  # an image has two shapes
        found[first["properties"]["type"]["const"]] = name
    return found
