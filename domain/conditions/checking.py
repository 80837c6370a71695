"""What is wrong with a condition: unknown names, wrong kinds, what may be missing, and where in it that stands."""

from collections.abc import Callable, Set
from dataclasses import replace
from typing import Any

from domain.catalog.problems import suggestion
from domain.conditions.functions import FUNCTIONS, LOOPS, METHODS, Function, pattern_problem
from domain.conditions.narrowing import Known, narrowed, narrowed_by
from domain.conditions.operators import can_be_null, operated
from domain.conditions.parsing import parse
from domain.conditions.shapes import ANYTHING, NUMBERS, TEXT, TRUTH, Kind, Shape, joined, list_of, of_value, record
from domain.conditions.tree import (
    Call,
    Chain,
    Choice,
    Field,
    Index,
    Items,
    Literal,
    Logic,
    Name,
    Node,
    Unary,
    described,
    path_of,
    start_of,
)
from domain.conditions.variables import Variables
from domain.expression import Unusable

_TRUTH = frozenset({Kind.TRUTH})
_WHERE = {
    "scores": "the scores are not known yet where rules are asked; tiers, routes and stages may use them",
    "tier": "the tier is not known yet; only routes and stages may use it",
    "claims": "what the agent claims may raise a tier and must not choose a route; only rules may use it",
    "arguments": "tiers see nothing but 'scores', and stages 'scores' and 'tier'",
}


def problems_in_condition(
    text: str, names: Set[str], variables: Variables, action_types: Set[str], use_cases: Set[str]
) -> list[tuple[int, str]]:
    """Return what is wrong with a condition that may use these variables and is about these action types and use
    cases: each problem with the character where it stands."""
    try:
        tree = parse(text)
    except Unusable as problem:
        return [(problem.offset, str(problem))]
    check = _Check(names, variables)
    shape = check.shape(tree, Known(frozenset(action_types), frozenset(use_cases)))
    if not check.found and shape.is_known and shape.kinds != _TRUTH:
        check.found[(start_of(tree), f"the condition gives {shape}, but must give true or false")] = None
    return sorted(check.found)


class _Check:
    """Walks one condition. `found` keeps each problem once, in the order found."""

    def __init__(self, names: Set[str], variables: Variables) -> None:
        self.found: dict[tuple[int, str], None] = {}
        self._names = names
        self._variables = variables
        self._readers: dict[type, Callable[[Any, Known], Shape]] = {
            Literal: lambda node, known: of_value(node.value),
            Name: self._name,
            Field: self._field,
            Index: self._index,
            Call: self._call,
            Unary: self._unary,
            Logic: self._logic,
            Chain: self._chain,
            Choice: self._choice,
            Items: self._items,
        }

    def shape(self, node: Node, known: Known) -> Shape:
        """Return what a part of the condition can be, noting what is wrong with it."""
        return self._readers[type(node)](node, known)

    def _say(self, at: int, message: str) -> Shape:
        self.found[(at, message)] = None
        return ANYTHING

    def _demand(self, node: Node, known: Known, kinds: frozenset[Kind], wanted: str) -> Shape:
        """Return the shape of a part that must be of some kinds; say what is wrong where it may be of others."""
        shape = self.shape(node, known)
        if not shape.is_known or shape.kinds <= kinds:
            return shape
        if shape.kinds - {Kind.NULL} <= kinds and shape.kinds != {Kind.NULL}:
            return self._say(start_of(node), can_be_null(node))
        return self._say(start_of(node), f"{described(node)} is {shape}, but {wanted}")

    # Names and fields

    def _name(self, node: Name, known: Known) -> Shape:
        if node.name in known.bound:
            return known.bound[node.name]
        if node.name not in self._names:
            reason = f"; {_WHERE[node.name]}" if node.name in _WHERE else suggestion(node.name, self._names)
            return self._say(node.at, f"no variable '{node.name}' here{reason}")
        if node.name == "arguments":
            return self._variables.arguments(self._asked(known))
        return self._variables.fixed[node.name]

    def _asked(self, known: Known) -> frozenset[str]:
        return known.action_types & self._variables.asked_in(known.use_cases)

    def _field(self, node: Field, known: Known) -> Shape:
        base = self._demand(node.of, known, frozenset({Kind.RECORD}), f"only a record has a field '{node.name}'")
        return self._member(base, node.of, node.name, node.at, known)

    def _index(self, node: Index, known: Known) -> Shape:
        base = self._demand(node.of, known, frozenset({Kind.RECORD, Kind.LIST}), "only lists and records have items")
        if isinstance(node.key, Literal) and isinstance(node.key.value, str):
            if base.is_known and Kind.RECORD not in base.kinds:
                return self._say(node.key.at, f"{described(node.of)} is {base}: its items are numbered from 0")
            return self._member(base, node.of, node.key.value, node.key.at, known)
        wanted = frozenset({Kind.WHOLE}) if base.kinds == {Kind.LIST} else frozenset({Kind.WHOLE, Kind.TEXT})
        self._demand(node.key, known, wanted, "the items of a list are numbered from 0")
        return base.item or ANYTHING if base.kinds == {Kind.LIST} else ANYTHING

    def _member(self, base: Shape, of: Node, name: str, at: int, known: Known) -> Shape:
        if not base.is_known:
            return ANYTHING
        path = f"{path_of(of)}.{name}" if path_of(of) else ""
        if name not in base.fields and base.closed:
            return self._say(at, self._unknown_field(of, name, base, known))
        if name not in base.required and path not in known.present:
            self._say(at, self._may_be_missing(of, name, base, known))
        shape = base.fields.get(name, ANYTHING)
        return shape.without_null() if path in known.not_null else shape

    def _unknown_field(self, of: Node, name: str, base: Shape, known: Known) -> str:
        place = path_of(of)
        near = suggestion(name, base.fields)
        if place == "arguments":
            return f"no argument '{name}' in {', '.join(sorted(self._asked(known))[:5])}{near}"
        if place == "signals":
            return f"no check '{name}' in guardrails.checks: add it there{near}"
        if place == "history":
            return f"no aggregate '{name}' in guardrails.aggregates: add it there{near}"
        return f"no field '{name}' in {described(of)}{near}"

    def _may_be_missing(self, of: Node, name: str, base: Shape, known: Known) -> str:
        path = f"{described(of)}.{name}"
        if path_of(of) == "arguments" and (asked := self._asked(known)):
            having = sorted(each for each in asked if name in self._variables.schemas[each].fields)
            if having and len(having) < len(asked):
                first = f"action_type == '{having[0]}'" if len(having) == 1 else f"action_type in {having}"
                return (
                    f"only {', '.join(having)} {'has' if len(having) == 1 else 'have'} the argument '{name}': name it "
                    f"in the rule's action_types, or ask {first} && ... first"
                )
        if name not in base.fields:
            near = suggestion(name, base.fields) if base.fields else ""
            joint = " If" if near.endswith("?") else "; if"
            return f"{path} is not in the schema{near}{joint} it is meant, ask has({path}) && ... first"
        return f"{path} can be missing: ask has({path}) && ... first"

    # Operators

    def _unary(self, node: Unary, known: Known) -> Shape:
        if "!" in node.operators:
            self._demand(node.operand, known, _TRUTH, "'!' turns true into false and takes nothing else")
            return TRUTH
        return self._demand(node.operand, known, NUMBERS, "'-' takes a number")

    def _logic(self, node: Logic, known: Known) -> Shape:
        holds = node.operator == "&&"
        wanted = f"'{node.operator}' stands between two conditions"
        for number, operand in enumerate(node.operands):
            others = (*node.operands[:number], *node.operands[number + 1 :])
            self._demand(operand, narrowed_by(others, known, holds), _TRUTH, wanted)
        return TRUTH

    def _choice(self, node: Choice, known: Known) -> Shape:
        self._demand(node.condition, known, _TRUTH, "a condition stands before '?'")
        then = self.shape(node.then, narrowed(node.condition, known, True))
        return joined([then, self.shape(node.otherwise, narrowed(node.condition, known, False))])

    def _chain(self, node: Chain, known: Known) -> Shape:
        left, shape = node.first, self.shape(node.first, known)
        for operator, right in node.rest:
            shape, problems = operated(left, shape, operator, right, self.shape(right, known))
            self.found.update(dict.fromkeys(problems))
            left = node
        return shape

    def _items(self, node: Items, known: Known) -> Shape:
        shapes = [self.shape(item, known) for item in node.items]
        if node.keys is None:
            return list_of(joined(shapes))
        for key in node.keys:
            self._demand(key, known, frozenset({Kind.TEXT}), "a record's names are texts")
        names = [key.value for key in node.keys if isinstance(key, Literal)]
        return record({name: shape for name, shape in zip(names, shapes, strict=False) if isinstance(name, str)})

    # Functions

    def _call(self, node: Call, known: Known) -> Shape:
        if node.of is not None and node.name in LOOPS:
            return self._loop(node, known)
        if node.of is None and node.name == "has":
            return self._has(node, known)
        function = (FUNCTIONS if node.of is None else METHODS).get(node.name)
        if function is None:
            return self._say(node.at, _unknown_function(node))
        values = node.arguments if node.of is None else (node.of, *node.arguments)
        if len(values) != len(function.takes):
            return self._say(node.at, f"'{node.name}' is written like this: {function.example}")
        return self._applied(node, function, values, known)

    def _applied(self, node: Call, function: Function, values: tuple[Node, ...], known: Known) -> Shape:
        for value, kinds in zip(values, function.takes, strict=True):
            self._demand(value, known, kinds, f"'{node.name}' takes {Shape(kinds)}, as in {function.example}")
        if node.name == "matches":
            pattern = values[1]
            if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
                return self._say(pattern.at, "a pattern must be written out in the condition itself, in quotes")
            if problem := pattern_problem(pattern.value):
                self._say(pattern.at, problem)
        return function.gives

    def _has(self, node: Call, known: Known) -> Shape:
        field = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(field, Field):
            return self._say(node.at, "'has' asks whether a field is there: has(arguments.note)")
        base = self._demand(field.of, known, frozenset({Kind.RECORD}), f"only a record has a field '{field.name}'")
        if base.is_known and base.closed and field.name not in base.fields:
            self._say(field.at, self._unknown_field(field.of, field.name, base, known))
        return TRUTH

    def _loop(self, node: Call, known: Known) -> Shape:
        if node.of is None or len(node.arguments) != 2 or not isinstance(node.arguments[0], Name):
            return self._say(node.at, f"'{node.name}' is written like this: list.{node.name}(item, item == 'x')")
        of = self._demand(node.of, known, frozenset({Kind.LIST, Kind.RECORD}), f"'{node.name}' goes through a list")
        item = of.item or ANYTHING if of.kinds == {Kind.LIST} else TEXT if of.kinds == {Kind.RECORD} else ANYTHING
        name = node.arguments[0].name
        facts = {
            "present": frozenset(path for path in known.present if path.partition(".")[0] != name),
            "not_null": frozenset(path for path in known.not_null if path.partition(".")[0] != name),
        }
        inner = replace(known, bound={**known.bound, name: item}, **facts)
        self._demand(node.arguments[1], inner, _TRUTH, f"'{node.name}' asks a condition of each item")
        return TRUTH


def _unknown_function(node: Call) -> str:
    if node.of is None and node.name in METHODS:
        return f"'{node.name}' is written after the text it is about: {METHODS[node.name].example}"
    if node.of is not None and node.name in FUNCTIONS:
        return f"'{node.name}' is written around its value: {FUNCTIONS[node.name].example}"
    return f"no function '{node.name}'{suggestion(node.name, [*METHODS, *FUNCTIONS, *LOOPS, 'has'])}"
