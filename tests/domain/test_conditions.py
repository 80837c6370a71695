"""Conditions are read before they are asked: a table of mistakes, each with its column and its whole message."""

from typing import Any

import pytest

from domain.action import Claims, Context, Source
from domain.catalog import Bundle
from domain.catalog.risk import Dimension
from domain.catalog.variables import ON_ACTION, ON_ROUTE, ON_SCORES
from domain.conditions.checking import problems_in_condition
from domain.conditions.shapes import Kind, Shape, shape_of_schema
from domain.conditions.variables import Variables
from domain.environment import signals_for, variables_of
from domain.expression import MAX_LENGTH
from domain.risk import scores_variable
from tests.bundles import DOCUMENT, FACTS

ORDER = {
    "id": "order.place",
    "title": "Place an order",
    "executor": "http.request",
    "settings": {"system": "crm", "method": "POST", "path": "/orders"},
    "roles": {"recipients": ["supplier"], "amount": "price", "amount_unit": "major"},
    "arguments": {
        "type": "object",
        "additionalProperties": False,
        "required": ["supplier", "price", "lines", "channel"],
        "properties": {
            "supplier": {"type": "string"},
            "price": {"type": "number"},
            "express": {"type": "boolean"},
            "comment": {"type": ["string", "null"]},
            "channel": {"enum": ["email", "chat", "call"]},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["product", "pieces"],
                    "properties": {
                        "product": {"type": "string"},
                        "pieces": {"type": "integer"},
                        "remark": {"type": "string"},
                    },
                },
            },
        },
    },
}
BUNDLE = Bundle.model_validate(
    {
        **DOCUMENT,
        "action_types": [*DOCUMENT["action_types"], ORDER],
        "use_cases": [
            *DOCUMENT["use_cases"],
            {"id": "buying", "title": "Buying", "owner": "olga", "agents": ["clerk"], "action_types": ["order.place"]},
        ],
        "guardrails": {
            "aggregates": [{"id": "ordered_today", "of": "amount", "per": ["recipient"], "window": "1d"}],
            "checks": [{"check": "secrets"}],
        },
    }
)
VARIABLES = Variables(BUNDLE)
REFUND = "action_type == 'refund.create' && "
ORDERING = "action_type == 'order.place' && "


def said_of(text: str, names: frozenset[str] = ON_ACTION, use_cases: frozenset[str] | None = None) -> list[str]:
    """Return the problems of a condition as `column: message`."""
    found = problems_in_condition(text, names, VARIABLES, VARIABLES.action_types, use_cases or VARIABLES.use_cases)
    return [f"{offset + 1}: {message}" for offset, message in found]


MISTAKES: dict[str, list[str]] = {
    # Names
    "»agnet.id == 'clerk'": [
        "no variable 'agnet' here; did you mean 'agent'?",
    ],
    "»scores.total > 5": [
        "no variable 'scores' here; the scores are not known yet where rules are asked; tiers, routes and stages may "
        "use them",
    ],
    "»tier == 'high'": [
        "no variable 'tier' here; the tier is not known yet; only routes and stages may use it",
    ],
    "context.»regoin == 'eu'": [
        "no field 'regoin' in context; did you mean 'region'?",
    ],
    "agent.id == »'clark'": [
        "agent.id is never 'clark'; did you mean 'clerk'?",
    ],
    "use_case.id == »'supprt'": [
        "use_case.id is never 'supprt'; did you mean 'support'?",
    ],
    "time.»busines_hours": [
        "no field 'busines_hours' in time; did you mean 'business_hours'?",
    ],
    "history.»orderd_today > 5": [
        "no aggregate 'orderd_today' in guardrails.aggregates: add it there; did you mean 'ordered_today'?",
    ],
    "signals.»links.found": [
        "no check 'links' in guardrails.checks: add it there; known: secrets",
    ],
    "signals.secrets.»fuond": [
        "no field 'fuond' in signals.secrets; did you mean 'found'?",
    ],
    "provenance.»recipiant == 'user'": [
        "no field 'recipiant' in provenance; did you mean 'recipient'?",
    ],
    "provenance.recipient == »'usr'": [
        "provenance.recipient is never 'usr'; did you mean 'user'?",
    ],
    "!(provenance.recipient in ['user', »'trustd'])": [
        "provenance.recipient is never 'trustd'; did you mean 'trusted'?",
    ],
    "claims.»confidense < 50": [
        "no field 'confidense' in claims; did you mean 'confidence'?",
    ],
    "claims.risk == »'hihg'": [
        "claims.risk is never 'hihg'; did you mean 'high'?",
    ],
    "action_type == »'refnd.create'": [
        "action_type is never 'refnd.create'; did you mean 'refund.create'?",
    ],
    "action_type in ['refund.create', »'note.ad']": [
        "action_type is never 'note.ad'; did you mean 'note.add'?",
    ],
    # Arguments
    REFUND + "arguments.»amuont_minor > 5": [
        "no argument 'amuont_minor' in refund.create; did you mean 'amount_minor'?",
    ],
    "arguments.»amount_minor > 5": [
        "only refund.create has the argument 'amount_minor': name it in the rule's action_types, or ask "
        "action_type == 'refund.create' && ... first",
    ],
    "action_type in ['refund.create', 'mail.send'] && arguments.»body == 'x'": [
        "only mail.send has the argument 'body': name it in the rule's action_types, or ask action_type "
        "== 'mail.send' && ... first",
    ],
    REFUND + "arguments.»note == 'x'": [
        "arguments.note can be missing: ask has(arguments.note) && ... first",
    ],
    "action_type == 'mail.send' && arguments.»bdoy == 'x'": [
        "arguments.bdoy is not in the schema; did you mean 'body'? If it is meant, ask "
        "has(arguments.bdoy) && ... first",
    ],
    ORDERING + "arguments.channel == »'emial'": [
        "arguments.channel is never 'emial'; did you mean 'email'?",
    ],
    ORDERING + "arguments.lines.exists(line, line.»peices > 5)": [
        "no field 'peices' in line; did you mean 'pieces'?",
    ],
    ORDERING + "arguments.lines.exists(line, line.»remark == 'x')": [
        "line.remark can be missing: ask has(line.remark) && ... first",
    ],
    ORDERING + "»arguments.lines.product == 'x'": [
        "arguments.lines is a list, but only a record has a field 'product'",
    ],
    ORDERING + "has(arguments.»coment)": [
        "no argument 'coment' in order.place; did you mean 'comment'?",
    ],
    ORDERING + "has(arguments.comment) && »arguments.comment.contains('x')": [
        "arguments.comment can be null: ask arguments.comment != null && ... first",
    ],
    "»context.region.startsWith('eu')": [
        "context.region can be null: ask context.region != null && ... first",
    ],
    # Kinds
    REFUND + "arguments.amount_minor == »'500'": [
        "arguments.amount_minor is a whole number and '500' is a text, so they are never equal: write "
        "500 without quotes",
    ],
    REFUND + "arguments.amount_minor > »'500'": [
        "arguments.amount_minor is a whole number and '500' is a text: '>' cannot compare them",
    ],
    ORDERING + "arguments.price * »100 > 5": [
        "arguments.price is a number and 100 is a whole number, but '*' takes two of the same kind: "
        "write double(arguments.price) and 100.0",
    ],
    "amount + »1.5 > 3": [
        "amount is a whole number and 1.5 is a number with decimals, but '+' takes two of the same kind: "
        "write double(amount)",
    ],
    "amount + »region == 'x'": [
        "'+' cannot take a whole number (amount) and a text (region)",
    ],
    "1.5 % »2.0 > 1.0": [
        "'%' cannot take a number with decimals (1.5) and a number with decimals (2.0)",
    ],
    "region == »5": [
        "region is a text and 5 is a whole number, so they are never equal: write '5' in quotes",
    ],
    "reversible == »'true'": [
        "reversible is true or false and 'true' is a text, so they are never equal: write true without quotes",
    ],
    "reversible == »1": [
        "reversible is true or false and 1 is a whole number, so they are never equal",
    ],
    "recipients == »'x'": [
        "recipients is a list and 'x' is a text, so they are never equal: write 'x' in recipients",
    ],
    "»5 in recipients": [
        "an item of recipients is a text and 5 is a whole number, so they are never equal: write '5' in quotes",
    ],
    "'eu' in »region": [
        "'in' looks for an item of a list; for a part of a text write region.contains(...)",
    ],
    "'eu' in »amount": [
        "'in' looks for an item of a list, but amount is a whole number",
    ],
    "»'subject' in provenance.public": [
        "an item of provenance.public is never 'subject'; known: account, amount, file, link, recipient, text, url",
    ],
    "region == »null": [
        "region is a text and never null",
    ],
    REFUND + "has(arguments.note) && arguments.note == »null": [
        "arguments.note is a text and never null; to ask whether it is there write has(arguments.note)",
    ],
    "!»amount": [
        "amount is a whole number, but '!' turns true into false and takes nothing else",
    ],
    "-»reversible": [
        "reversible is true or false, but '-' takes a number",
    ],
    "»amount && reversible": [
        "amount is a whole number, but '&&' stands between two conditions",
    ],
    "reversible || »count": [
        "count is a whole number, but '||' stands between two conditions",
    ],
    "»region ? true : false": [
        "region is a text, but a condition stands before '?'",
    ],
    "recipients.exists(r, »amount)": [
        "amount is a whole number, but 'exists' asks a condition of each item",
    ],
    "»amount.exists(r, true)": [
        "amount is a whole number, but 'exists' goes through a list",
    ],
    "recipients[»'a'] == 'x'": [
        "recipients is a list: its items are numbered from 0",
    ],
    "amount < 5 < »6": [
        "this is true or false and 6 is a whole number: '<' cannot compare them",
    ],
    "»time.hour": [
        "the condition gives a whole number, but must give true or false",
    ],
    "»region": [
        "the condition gives a text, but must give true or false",
    ],
    # Functions
    "region.»lowerAscii() == 'x'": [
        "no function 'lowerAscii'; known: all, contains, double, duration, endsWith, exists, exists_one, has, int, "
        "matches, size, startsWith, string, timestamp",
    ],
    "recipients.»exist(r, r == 'x')": [
        "no function 'exist'; did you mean 'exists'?",
    ],
    "»contains(region, 'x')": [
        "'contains' is written after the text it is about: arguments.body.contains('free')",
    ],
    "region.»int() == 5": [
        "'int' is written around its value: int(arguments.number)",
    ],
    "region.»contains()": [
        "'contains' is written like this: arguments.body.contains('free')",
    ],
    "»recipients.contains('x')": [
        "recipients is a list, but 'contains' takes a text, as in arguments.body.contains('free')",
    ],
    "size(»amount) > 2": [
        "amount is a whole number, but 'size' takes a text or a list or a record, as in size(arguments.lines)",
    ],
    "recipients.»all(r)": [
        "'all' is written like this: list.all(item, item == 'x')",
    ],
    "region.matches(»'(')": [
        "the pattern cannot be used: unclosed group",
    ],
    "region.matches(»'a(?=b)')": [
        "the pattern cannot be used: look-around, including look-ahead and look-behind, is not supported",
    ],
    "region.matches(»'a{500}')": [
        "{500} repeats more than 100 times, which is slow: bound the length in the arguments' schema, or "
        "ask with size(...)",
    ],
    "region.matches(»currency)": [
        "a pattern must be written out in the condition itself, in quotes",
    ],
    # What cannot be read
    "region »= 'eu'": [
        "'=' is not expected here: write == to compare",
    ],
    "region == 'eu' »and reversible": [
        "'and' is not expected here: write && for 'and'",
    ],
    "not »reversible": [
        "'reversible' is not expected here",
    ],
    "region »not in ['eu']": [
        "'not' is not expected here: write ! for 'not', as in !(a in b)",
    ],
    "region == »‘eu’": [
        "'‘' is not expected here: write straight quotes: '",
    ],
    "region == »'eu": [
        "the text that begins here does not end: its last quote is missing",
    ],
    "region ==»": [
        "the condition ends too early: something is missing at its end",
    ],
    "(region == 'eu'»": [
        "the condition ends too early: something is missing at its end",
    ],
    "region.matches(»'\\d')": [
        "the condition cannot be read: a text has a backslash that means nothing; write \\\\ for each, or "
        "r'...' around the text",
    ],
    "amount == »5u": [
        "5u is not allowed: write a text or a whole number",
    ],
    "»Money{amount: 5} == 1": [
        "'{' is not expected here: records cannot be made in a condition",
    ],
    "».amount == 5": [
        "'.' is not expected here",
    ],
    "»while == 1": [
        "the condition cannot be read: reserved identifier: while",
    ],
    "has(»amount)": [
        "the condition cannot be read: invalid argument to has() macro",
    ],
    "region == 'é€😀' || has(»amount)": [
        "the condition cannot be read: invalid argument to has() macro",
    ],
    "region == 'é' ||\n region == '€' || recipients.exists(»1, true)": [
        "the condition cannot be read: argument must be a simple name",
    ],
    "region == '€' || »while == 1": [
        "the condition cannot be read: reserved identifier: while",
    ],
    "region == '\u2028\x0b' ||\n »while == 1": [
        "the condition cannot be read: reserved identifier: while",
    ],
    # Limits
    "amount > 5" + " " * (MAX_LENGTH - 10) + "»" + " " * 10: [
        f"the condition has {MAX_LENGTH + 10} characters; the limit is {MAX_LENGTH}: make several rules of it",
    ],
    "(" * 24 + "»(reversible" + ")" * 25: [
        "the condition nests deeper than 24 brackets: make several rules of it",
    ],
    "reversible ? true : " * 48 + "»reversible ? true : true": [
        "the condition nests deeper than 24: make several rules of it",
    ],
    "»context" + ".region" * 25 + " == 'x'": [
        "more than 24 fields in a row: make several rules of it",
    ],
    "recipients.»map(r, r) == []": [
        "'map' is not allowed: its cost grows with the square of the list; use 'exists' or 'all'",
    ],
    "recipients.exists(a, recipients.exists(b, recipients.»exists(c, a == b)))": [
        "3 loops (exists, exists_one, all) in one condition; the limit is 2: make several rules of it",
    ],
    # Several at once
    "»agnet.id == 'x' || »tmie.hour > 5": [
        "no variable 'agnet' here; did you mean 'agent'?",
        "no variable 'tmie' here; did you mean 'time'?",
    ],
}
"""Conditions with a mark before each mistake, and what is said of it."""


@pytest.mark.parametrize(("marked", "said"), MISTAKES.items(), ids=[text[:60] for text in MISTAKES])
def test_a_mistake_is_said_where_it_stands_with_what_to_write(marked: str, said: list[str]) -> None:
    pieces = marked.split("»")
    places = [len("".join(pieces[:number])) for number in range(1, len(pieces))]

    assert said_of("".join(pieces)) == [f"{place + 1}: {message}" for place, message in zip(places, said, strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "amount > 5",
        "amount > 5.5",
        "amount * 2 > 10 && -amount < 0",
        "amount % 2 == 0",
        "double(amount) / 3.0 > 1.5",
        "count >= 10 || size(recipients) > 3 || recipients.size() > 3",
        "region == 'eu' && region != 'us' && region in ['eu', 'uk']",
        "time.business_hours && time.weekday <= 5 && time.hour >= 9 && time.date < '2027-01-01'",
        "history.ordered_today > 100000",
        "signals.secrets.found && 'iban' in signals.secrets.kinds",
        "!(provenance.recipient in ['user', 'trusted']) && !('recipient' in provenance.ambiguous)",
        "claims.confidence < 50 || claims.risk == 'high' || !claims.reversible",
        "agent.owner == 'olga' && agent.vendor == null",
        "context.region == null",
        "context.region != null && context.region.startsWith('eu')",
        "context.region == 'eu' && context.region.startsWith('e')",
        "context.region == null || context.region.startsWith('eu')",
        REFUND + "arguments.amount_minor > 5",
        "arguments.amount_minor > 5 && action_type == 'refund.create'",
        "action_type != 'refund.create' || arguments.amount_minor > 5",
        "!(action_type == 'refund.create') || arguments.amount_minor > 5",
        "action_type == 'refund.create' ? arguments.amount_minor > 5 : false",
        "action_type in ['refund.create', 'note.add'] && arguments.customer == 'c-1'",
        "use_case.id == 'chat' && arguments.amount_minor > 5",
        REFUND + "has(arguments.note) && arguments.note == 'x'",
        REFUND + "(!has(arguments.note) || arguments.note == 'x')",
        REFUND + "'note' in arguments && arguments.note == 'x'",
        "has(arguments.note) && arguments.note == 'x'",
        "has(arguments.nowhere) && arguments.nowhere == 'x'",
        ORDERING + "has(arguments.comment) && arguments.comment != null && arguments.comment.contains('x')",
        ORDERING + "has(arguments.express) && arguments.express",
        ORDERING + "arguments.lines.exists(line, line.pieces > 5 && has(line.remark) && line.remark != '')",
        ORDERING + "arguments.lines[0].pieces > 5 && arguments['lines'][0]['product'] == 'x'",
        ORDERING + "arguments.price > 100 && double(arguments.price) * 100.0 > 5.0",
        ORDERING + "arguments.channel in ['email', 'chat'] && arguments.channel != 'call'",
        "[region, currency].exists(text, text.matches('(?i)x{3}'))",
        "{'eu': 1, 'us': 2}.eu == 1",
        "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') > duration('1h')",
        "timestamp('2026-01-02T00:00:00Z') + duration('1h') > timestamp('2026-01-01T00:00:00Z')",
        "int(region) > 5 && string(amount) == '5'",
        "recipients + ['a'] == ['b']",
        "amount > 5 // the rest is said in docs",
    ],
)
def test_a_sound_condition_has_no_problems(text: str) -> None:
    assert said_of(text) == []


def test_what_a_rule_names_it_is_about_decides_which_arguments_there_are() -> None:
    about = frozenset({"refund.create"})

    assert problems_in_condition("arguments.amount_minor > 5", ON_ACTION, VARIABLES, about, VARIABLES.use_cases) == []
    assert said_of("arguments.amount_minor > 5", use_cases=frozenset({"chat"})) == []
    assert said_of("arguments.text == 'x'", use_cases=frozenset({"chat"})) == [
        "11: no argument 'text' in refund.create; known: amount_minor, customer, note"
    ]


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ("scores.financial >= 4", ON_SCORES, []),
        ("scores.finance >= 4", ON_SCORES, ["8: no field 'finance' in scores; did you mean 'financial'?"]),
        (
            "arguments.a > 1",
            ON_SCORES,
            ["1: no variable 'arguments' here; tiers see nothing but 'scores', and stages 'scores' and 'tier'"],
        ),
        ("tier == 'high' && scores.total > 3", ON_ROUTE, []),
        ("tier == 'hihg'", ON_ROUTE, ["9: tier is never 'hihg'; did you mean 'high'?"]),
        (
            "claims.confidence < 50",
            ON_ROUTE,
            [
                "1: no variable 'claims' here; what the agent claims may raise a tier and must not choose a route; "
                "only rules may use it"
            ],
        ),
    ],
)
def test_tiers_and_routes_see_other_names(text: str, names: frozenset[str], said: list[str]) -> None:
    assert said_of(text, names) == said


def kinds_of(value: Any) -> Kind:
    by_type = {
        bool: Kind.TRUTH,
        int: Kind.WHOLE,
        float: Kind.DECIMAL,
        str: Kind.TEXT,
        list: Kind.LIST,
        dict: Kind.RECORD,
    }
    return Kind.NULL if value is None else by_type[type(value)]


def misfit(value: Any, shape: Shape, path: str) -> str:
    """Say where a value is not of its shape."""
    if not shape.is_known:
        return ""
    if kinds_of(value) not in shape.kinds:
        return f"{path} is {value!r}, not {shape}"
    if shape.values is not None and value not in shape.values:
        return f"{path} is {value!r}, which is none of {sorted(map(str, shape.values))}"
    if isinstance(value, list):
        return next(filter(None, (misfit(item, shape.item or Shape(), f"{path}[]") for item in value)), "")
    if isinstance(value, dict):
        if set(value) != set(shape.fields):
            return f"{path} has {sorted(value)}, not {sorted(shape.fields)}"
        return next(filter(None, (misfit(value[name], shape.fields[name], f"{path}.{name}") for name in value)), "")
    return ""


@pytest.mark.parametrize(
    "context",
    [
        Context(),
        Context(
            prompt="Order from acme",
            region="eu",
            sources=[Source(source="mail", locator="inbox", content="Order from acme, please do.")],
            claims=Claims(confidence=20),
        ),
    ],
)
def test_the_variables_are_what_conditions_are_read_by(context: Context) -> None:
    action_type = next(each for each in BUNDLE.action_types if each.id == "order.place")
    use_case = next(each for each in BUNDLE.use_cases if each.id == "buying")
    facts = FACTS.model_copy(update={"history": {"ordered_today": 500}})
    signals = signals_for(BUNDLE, "clerk", use_case.id, action_type.id, facts)
    arguments = {"supplier": "acme", "price": 5.5, "lines": [], "channel": "chat"}
    agent = BUNDLE.agents[0]

    everything = dict.fromkeys(ON_ROUTE | ON_ACTION)
    made = variables_of(agent, use_case, action_type, arguments, context, facts, signals, everything)
    made |= {"scores": scores_variable(dict.fromkeys(Dimension, 3)), "tier": "low"}

    assert set(made) == set(VARIABLES.fixed) | {"arguments"} == ON_ACTION | ON_ROUTE
    for name, shape in VARIABLES.fixed.items():
        assert misfit(made[name], shape, name) == ""


REFERRING = {"type": "object", "properties": {"next": {"$ref": "#"}, "other": {"$ref": "#"}, "third": {"$ref": "#"}}}


def test_a_schema_that_refers_to_itself_is_unfolded_only_so_far() -> None:
    shape = shape_of_schema(REFERRING)

    assert shape.fields["next"].fields["other"].kinds == {Kind.RECORD}


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "number"}, "a number"),
        ({"type": ["integer", "null"]}, "a whole number or null"),
        ({"anyOf": [{"type": "string"}, {"type": "array"}]}, "a text or a list"),
        ({"oneOf": [{"const": 5}, {"enum": ["a", None]}]}, "a whole number or a text or null"),
        ({"properties": {}}, "a record"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}, "true or false"),
        ({"$ref": "#/$defs/b~1c", "$defs": {"b/c": {"type": "boolean"}}}, "true or false"),
        ({"$ref": "#/$defs/lost"}, "anything"),
        ({"description": "whatever"}, "anything"),
        ({"allOf": [{"type": "string"}]}, "anything"),
    ],
)
def test_schemas_say_what_a_value_can_be(schema: dict[str, Any], shown: str) -> None:
    assert str(shape_of_schema(schema)) == shown


def test_the_parts_of_a_schema_with_all_of_count_together() -> None:
    shape = shape_of_schema(
        {"type": "object", "properties": {"a": {"type": "string"}}, "allOf": [{"required": ["a"]}, {"required": ["b"]}]}
    )

    assert shape.required == {"a", "b"}
    assert not shape.closed
