"""Bundles that are broken in one way each, with all that is said of them."""

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

from domain.catalog import Bundle
from domain.catalog.checking import problems_of
from tests.bundles import DOCUMENT

Document = dict[str, Any]
Change = Callable[[Document], object]
TODAY = date(2026, 11, 23)
CONTROLLED = {
    "required": True,
    "reference": "C-1",
    "reviewed_for_ai": True,
    "data_processing_terms": True,
    "expires": "2027-12-31",
}


def changed(*changes: Change) -> Bundle:
    """Return the small company's bundle after some changes."""
    document = copy.deepcopy(DOCUMENT)
    for change in changes:
        change(document)
    return Bundle.model_validate(document)


def said_of(*changes: Change) -> list[str]:
    return [str(problem) for problem in problems_of(changed(*changes), TODAY)]


def entry(document: Document, table: str, name: str) -> Document:
    found: Document = next(item for item in document[table] if item["id"] == name)
    return found


def put(table: str, name: str, **values: Any) -> Change:
    """Return a change of one entry of a table."""
    return lambda document: entry(document, table, name).update(values)


def add(table: str, **values: Any) -> Change:
    """Return a change that adds an entry to a table."""
    return lambda document: document[table].append(values)


def twice(table: str, **values: Any) -> Change:
    """Return a change that repeats the first entry of a table, with other values."""
    return lambda document: document[table].append({**document[table][0], **values})


def part(name: str, **values: Any) -> Change:
    """Return a change of a part of the bundle that is one set of fields."""
    return lambda document: document.update({name: {**document.get(name, {}), **values}})


def route(number: int, **values: Any) -> Change:
    return lambda document: document["routes"][number].update(values)


def rule(**values: Any) -> Change:
    made = {"id": "r", "dimension": "content", "points": 1, "when": "true", "because": "so", **values}
    return lambda document: document["risk"]["rules"].append(made)


def tiers(*conditions: tuple[str, str]) -> Change:
    return part("risk", tiers=[{"tier": tier, "when": when} for tier, when in conditions])


def schema(**values: Any) -> Change:
    return put("action_types", "note.add", arguments=values)


def example(**values: Any) -> Change:
    return lambda document: document["tests"][0].update(values)


NOTE = DOCUMENT["action_types"][0]["arguments"]
ORDER = {
    "type": "object",
    "required": ["price", "lines"],
    "properties": {
        "price": {"type": "number"},
        "currency": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"payee": {"type": "string"}}}},
        "flag": {"type": "boolean"},
    },
}


def roles(**values: Any) -> Change:
    """Return a change to an action type with another schema, with these roles."""
    return put("action_types", "slow.note", arguments=ORDER, settings={"system": "crm", "path": "/x"}, roles=values)


def away(first_day: str, last_day: str, delegate: str | None = None) -> Document:
    return {"first_day": first_day, "last_day": last_day, "delegate": delegate}


BROKEN: dict[str, tuple[list[Change], list[str]]] = {
    # Duplicates
    "an agent twice": (
        [twice("agents")],
        [
            "agents[3].id: the agent 'clerk' stands here a second time; give each its own",
        ],
    ),
    "a use case twice": (
        [twice("use_cases")],
        [
            "use_cases[5].id: the use case 'support' stands here a second time; give each its own",
        ],
    ),
    "an action type twice": (
        [twice("action_types")],
        [
            "action_types[4].id: the action type 'note.add' stands here a second time; give each its own",
        ],
    ),
    "a person twice": (
        [twice("people", email="x@test.example", slack_user=None)],
        [
            "people[5].id: the person 'olga' stands here a second time; give each its own",
        ],
    ),
    "an address twice, in another case": (
        [twice("people", id="olga2", email="OLGA@test.example", slack_user=None)],
        [
            "people[5].email: the e-mail address 'olga@test.example' stands here a second time; give each its own",
        ],
    ),
    "a Slack user twice": (
        [twice("people", id="olga2", email="x@test.example")],
        [
            "people[5].slack_user: the Slack user 'U01OLGA' stands here a second time; give each its own",
        ],
    ),
    "a reason to reject twice": (
        [put("approvals", "one", rejection_reasons=[{"id": "no", "title": "No"}, {"id": "no", "title": "Never"}])],
        [
            "approvals[0].rejection_reasons[1].id: the reason 'no' stands here a second time; give each its own",
        ],
    ),
    "a group twice": (
        [twice("groups")],
        [
            "groups[2].id: the group 'finance' stands here a second time; give each its own",
        ],
    ),
    "an approval twice": (
        [twice("approvals")],
        [
            "approvals[3].id: the approval 'one' stands here a second time; give each its own",
        ],
    ),
    "a rule twice": (
        [rule(), rule()],
        [
            "risk.rules[5].id: the rule 'r' stands here a second time; give each its own",
        ],
    ),
    "an example twice": (
        [twice("tests")],
        [
            "tests[1].id: the test 'large-refund' stands here a second time; give each its own",
        ],
    ),
    "guardrails twice": (
        [
            part(
                "guardrails",
                rate_limits=[{"id": "a", "limit": 1, "window": "1h"}] * 2,
                aggregates=[{"id": "b", "of": "count", "window": "1h"}] * 2,
                permissions=[{"id": "c"}] * 2,
            )
        ],
        [
            "guardrails.rate_limits[1].id: the rate limit 'a' stands here a second time; give each its own",
            "guardrails.aggregates[1].id: the aggregate 'b' stands here a second time; give each its own",
            "guardrails.permissions[1].id: the permission 'c' stands here a second time; give each its own",
        ],
    ),
    "a rate limit and a budget of one name": (
        [
            put("action_types", "refund.create", roles={"amount": "amount_minor"}),
            part(
                "guardrails",
                rate_limits=[{"id": "a", "limit": 1, "window": "1h"}],
                budgets=[{"id": "b", "limit": 1, "window": "1h"}, {"id": "a", "limit": 1, "window": "1h"}],
                aggregates=[{"id": "a", "of": "count", "window": "1h"}],
            ),
        ],
        [
            "guardrails.budgets[1].id: a rate limit is called 'a' already; give the budget an id of its own",
        ],
    ),
    "a data source twice": (
        [put("use_cases", "support", data_sources=[{"id": "crm", "classification": "personal"}] * 2)],
        [
            "use_cases[0].data_sources[1].id: the data source 'crm' stands here a second time; give each its own",
        ],
    ),
    "names twice in lists": (
        [
            put("use_cases", "chat", agents=["clerk", "clerk"], action_types=["refund.create", "refund.create"]),
            put("groups", "on-call", members=["cem", "cem"]),
            route(2, tiers=["medium", "high", "high"]),
            rule(action_types=["note.add", "note.add"]),
        ],
        [
            "use_cases[1].agents[1]: 'clerk' stands in this list already; once is enough",
            "use_cases[1].action_types[1]: 'refund.create' stands in this list already; once is enough",
            "groups[1].members[1]: 'cem' stands in this list already; once is enough",
            "routes[2].tiers[2]: 'high' stands in this list already; once is enough",
            "risk.rules[4].action_types[1]: 'note.add' stands in this list already; once is enough",
        ],
    ),
    # References
    "owners who are nobody": (
        [put("agents", "clerk", owner="ghost"), put("use_cases", "chat", owner="olgo")],
        [
            "agents[0].owner: no person 'ghost' in the catalog; known: ann, bob, cem, olga, out",
            "use_cases[1].owner: no person 'olgo' in the catalog; did you mean 'olga'?",
        ],
    ),
    "a use case of unknown things": (
        [
            put("use_cases", "chat", agents=["ghost"], action_types=["refund.creat"]),
        ],
        [
            "use_cases[1].agents[0]: no agent 'ghost' in the catalog; known: clerk, other, retired",
            "use_cases[1].action_types[0]: no action type 'refund.creat' in the catalog; did you mean 'refund.create'?",
        ],
    ),
    "responsibilities of nobody": (
        [
            put(
                "use_cases",
                "chat",
                raci={
                    "accountable": "finance",
                    "responsible": ["ann", "finance", "finanse"],
                    "consulted": ["x"],
                    "informed": ["y"],
                },
            )
        ],
        [
            "use_cases[1].raci.accountable: no person 'finance' in the catalog; known: ann, bob, cem, olga, out",
            "use_cases[1].raci.responsible[2]: no person or group 'finanse' in the catalog; did you mean 'finance'?",
            "use_cases[1].raci.consulted[0]: no person or group 'x' in the catalog; known: ann, bob, "
            "cem, finance, olga, on-call, out",
            "use_cases[1].raci.informed[0]: no person or group 'y' in the catalog; known: ann, bob, "
            "cem, finance, olga, on-call, out",
        ],
    ),
    "a group with a member who is nobody": (
        [put("groups", "finance", members=["ann", "bob", "ghost"])],
        [
            "groups[0].members[2]: no person 'ghost' in the catalog; known: ann, bob, cem, olga, out",
        ],
    ),
    "an approval by unknown groups": (
        [put("approvals", "one", group="ghosts", escalate_to="on-cal")],
        [
            "approvals[0].group: no group 'ghosts' in the catalog; known: finance, on-call",
            "approvals[0].escalate_to: no group 'on-cal' in the catalog; did you mean 'on-call'?",
        ],
    ),
    "stages of unknown groups": (
        [add("approvals", id="three", stages=[{"group": "finance"}, {"group": "legal"}], expire_after="1d")],
        [
            "approvals[3].stages[1].group: no group 'legal' in the catalog; known: finance, on-call",
        ],
    ),
    "a route of unknown things": (
        [route(2, use_cases=["chatt"], approval="quik")],
        [
            "routes[2].use_cases[0]: no use case 'chatt' in the catalog; did you mean 'chat'?",
            "routes[2].approval: no approval 'quik' in the catalog; did you mean 'quick'?",
        ],
    ),
    "policy changes by nobody": (
        [part("policy_changes", owner="ghost", approval="tow")],
        [
            "policy_changes.owner: no person 'ghost' in the catalog; known: ann, bob, cem, olga, out",
            "policy_changes.approval: no approval 'tow' in the catalog; did you mean 'two'?",
        ],
    ),
    "holds from Slack by an unknown group": (
        [lambda document: document.update(hold_group="on-cal")],
        [
            "hold_group: no group 'on-cal' in the catalog; did you mean 'on-call'?",
        ],
    ),
    "a rule about unknown things": (
        [rule(action_types=["note.ad"], use_cases=["chatt"])],
        [
            "risk.rules[4].action_types[0]: no action type 'note.ad' in the catalog; did you mean 'note.add'?",
            "risk.rules[4].use_cases[0]: no use case 'chatt' in the catalog; did you mean 'chat'?",
        ],
    ),
    "guardrails about unknown things": (
        [
            part(
                "guardrails",
                rate_limits=[{"id": "a", "limit": 1, "window": "1h", "actions": {"agents": ["clark"]}}],
                budgets=[
                    {"id": "b", "limit": 1, "window": "1h", "actions": {"use_cases": ["chatt"], "action_types": ["x"]}}
                ],
                checks=[{"check": "secrets", "actions": {"action_types": ["note.ad"]}}],
                permissions=[{"id": "p", "agents": ["clark"], "data": {"crm": "read"}}],
            )
        ],
        [
            "guardrails.rate_limits[0].actions.agents[0]: no agent 'clark' in the catalog; did you mean 'clerk'?",
            "guardrails.budgets[0].actions.use_cases[0]: no use case 'chatt' in the catalog; did you mean 'chat'?",
            "guardrails.budgets[0].actions.action_types[0]: no action type 'x' in the catalog; known: "
            "mail.send, note.add, refund.create, slow.note",
            "guardrails.checks[0].actions.action_types[0]: no action type 'note.ad' in the catalog; "
            "did you mean 'note.add'?",
            "guardrails.permissions[0].agents[0]: no agent 'clark' in the catalog; did you mean 'clerk'?",
            "guardrails.permissions[0].data.crm: no data source 'crm' in the catalog; known: none",
        ],
    ),
    "an action type that touches unknown data": (
        [put("action_types", "slow.note", data={"crm": "read"})],
        [
            "action_types[1].data.crm: no data source 'crm' in the catalog; known: none",
            "use_cases[0].action_types[3]: 'slow.note' needs to read 'crm', which is no data source of "
            "this use case; add it to data_sources, or take the action type out",
        ],
    ),
    "an example of unknown things": (
        [
            twice(
                "tests",
                id="again",
                agent="clark",
                use_case="suport",
                action_type="refund",
                history={"paid": 1},
                expect={"route": "ask", "approval": "tow", "hits": ["fin.larg"]},
            ),
        ],
        [
            "tests[1].agent: no agent 'clark' in the catalog; did you mean 'clerk'?",
            "tests[1].use_case: no use case 'suport' in the catalog; did you mean 'support'?",
            "tests[1].action_type: no action type 'refund' in the catalog; did you mean 'refund.create'?",
            "tests[1].expect.approval: no approval 'tow' in the catalog; did you mean 'two'?",
            "tests[1].expect.hits[0]: no rule 'fin.larg' in the catalog; did you mean 'fin.large'?",
            "tests[1].history.paid: no aggregate 'paid' in the catalog; known: none",
        ],
    ),
    "a delegate who is nobody": (
        [put("people", "ann", absences=[away("2026-12-01", "2026-12-02", "ghost")])],
        [
            "people[1].absences[0].delegate: no person 'ghost' in the catalog; known: ann, bob, cem, olga, out",
        ],
    ),
    "names that Remit keeps for itself": (
        [
            add("agents", id="remit.policy", title="x", owner="olga"),
            add("use_cases", id="remit.x", title="x", owner="olga", agents=["clerk"], action_types=["note.add"]),
            add("action_types", id="policy.activate", title="x", arguments={"type": "object"}, executor="http.request"),
        ],
        [
            "agents[3].id: 'remit.policy' begins with 'remit.', which Remit keeps for itself; rename it",
            "use_cases[5].id: 'remit.x' begins with 'remit.', which Remit keeps for itself; rename it",
            "action_types[4].id: 'policy.activate' is built in: it is how the policy itself is changed; rename it",
        ],
    ),
    "no word on who approves changes": (
        [lambda document: document.pop("policy_changes")],
        [
            "policy_changes: nobody is named who approves changes of this policy: write "
            "policy_changes: {owner: PERSON, approval: APPROVAL}, with an id of 'people' and one of "
            "'approvals'",
        ],
    ),
    # Data
    "an action type that touches more than the use case may": (
        [
            put("use_cases", "support", data_sources=[{"id": "crm", "classification": "personal"}]),
            put("action_types", "note.add", data={"crm": "write"}),
        ],
        [
            "use_cases[0].action_types[0]: 'note.add' needs to write 'crm', which this use case may "
            "only read; write scope: write there, or take the action type out",
            "use_cases[2].action_types[0]: 'note.add' needs to write 'crm', which is no data source of "
            "this use case; add it to data_sources, or take the action type out",
            "use_cases[3].action_types[0]: 'note.add' needs to write 'crm', which is no data source of "
            "this use case; add it to data_sources, or take the action type out",
            "use_cases[4].action_types[0]: 'note.add' needs to write 'crm', which is no data source of "
            "this use case; add it to data_sources, or take the action type out",
        ],
    ),
    # Schemas and paths
    "a schema that is none": (
        [schema(type="object", required="customer")],
        [
            "action_types[0].arguments.required: not a JSON Schema: 'customer' is not of type 'array'",
        ],
    ),
    "a schema with a pattern that is none": (
        [schema(type="object", properties={"text": {"pattern": "("}})],
        [
            "action_types[0].arguments.properties.text.pattern: not a JSON Schema: '(' is not a 'regex'",
        ],
    ),
    "a schema that is not of an object": (
        [schema(type="string")],
        [
            "action_types[0].arguments: the schema of arguments must say 'type: object'",
        ],
    ),
    "a schema with a reference to nothing": (
        [schema(**{**NOTE, "properties": {**NOTE["properties"], "a": {"$ref": "#/$defs/b"}}})],
        [
            "action_types[0].arguments.properties.a.$ref: no '#/$defs/b' in this schema; a reference "
            "must stay inside it",
        ],
    ),
    "a schema that would have to be fetched": (
        [schema(**{**NOTE, "$ref": "https://schemas.test.example/a.json"})],
        [
            "action_types[0].arguments.$ref: no 'https://schemas.test.example/a.json' in this schema; "
            "a reference must stay inside it",
        ],
    ),
    "a schema with a misspelt keyword": (
        [
            schema(
                **{**NOTE, "properties": {"customer": {"type": "string"}, "text": {"type": "string", "maxlength": 20}}}
            )
        ],
        [
            "action_types[0].arguments.properties.text.maxlength: JSON Schema has no keyword "
            "'maxlength'; did you mean 'maxLength'?",
        ],
    ),
    "a schema that requires what it does not have": (
        [schema(**{**NOTE, "required": ["customer", "text", "txt"]})],
        [
            "action_types[0].arguments.required[2]: 'txt' is required, but no property has that name; "
            "did you mean 'text'?",
        ],
    ),
    "roles that lead nowhere": (
        [
            roles(
                recipients=["lines[].paye", "lines.payee"], accounts=["price[]"], currency="currency.code", files=["x"]
            )
        ],
        [
            "action_types[1].roles.currency: 'currency' is a text and has no fields: leave out .code",
            "action_types[1].roles.recipients[0]: 'lines[]' has no field 'paye'; did you mean 'payee'?",
            "action_types[1].roles.recipients[1]: 'lines' is a list: write lines[].payee to mean each of its items",
            "action_types[1].roles.accounts[0]: 'price' is a number and has no items: leave out the []",
            "action_types[1].roles.files[0]: the arguments have no field 'x'; known: currency, flag, lines, price",
        ],
    ),
    "roles of the wrong kind": (
        [roles(amount="price", count="flag", currency="price", texts=["lines"])],
        [
            "action_types[1].roles.amount: 'price' may have decimals, but is taken for minor units "
            "(cents): write amount_unit: major beside it, or type: integer in its schema",
            "action_types[1].roles.currency: 'price' leads to a number, which cannot be the currency; "
            "it must be a text",
            "action_types[1].roles.count: 'flag' leads to true or false, which cannot be the count; it "
            "must be a whole number or a list",
            "action_types[1].roles.texts[0]: 'lines' leads to a record, which cannot be the texts; it "
            "must be a number or a text",
        ],
    ),
    "fields that are not there": (
        [put("action_types", "note.add", editable=["txt"], personal_data=["customer.name"])],
        [
            "action_types[0].editable[0]: the arguments have no field 'txt'; did you mean 'text'?",
            "action_types[0].personal_data[0]: 'customer' is a text and has no fields: leave out .name",
        ],
    ),
    "limits on what no action has": (
        [
            part(
                "guardrails",
                budgets=[{"id": "spent", "limit": 1, "window": "1h"}],
                aggregates=[{"id": "paid", "of": "amount", "window": "1h", "per": ["recipient"]}],
                rate_limits=[{"id": "fast", "limit": 1, "window": "1h", "per": ["recipient"]}],
            )
        ],
        [
            "guardrails.rate_limits[0].per: 'fast' counts per recipient, but no action type it is "
            "about says which argument that is: write roles: {recipients: [...]} there",
            "guardrails.budgets[0]: 'spent' adds up amounts, but no action type it is about says which "
            "argument is the amount: write roles: {amount: ...} there",
            "guardrails.aggregates[0]: 'paid' adds up amounts, but no action type it is about says "
            "which argument is the amount: write roles: {amount: ...} there",
            "guardrails.aggregates[0].per: 'paid' counts per recipient, but no action type it is about "
            "says which argument that is: write roles: {recipients: [...]} there",
        ],
    ),
    # People
    "a use case whose owner has left": (
        [
            put("people", "cem", left_on="2026-11-22"),
            put("groups", "on-call", members=["bob"]),
            put("use_cases", "chat", owner="cem"),
            put("use_cases", "ideas", raci={"accountable": "cem"}),
            put("agents", "other", owner="cem"),
            part("policy_changes", owner="cem"),
        ],
        [
            "agents[1].owner: nobody answers for the agent 'other' any more: 'cem' left on 2026-11-22; "
            "name who took over",
            "use_cases[1].owner: nobody answers for the use case 'chat' any more: 'cem' left on "
            "2026-11-22; name who took over",
            "use_cases[2].raci.accountable: nobody answers for the use case 'ideas' any more: 'cem' "
            "left on 2026-11-22; name who took over",
            "policy_changes.owner: nobody answers for changes of the policy any more: 'cem' left on "
            "2026-11-22; name who took over",
        ],
    ),
    "dates that cannot be": (
        [
            put("people", "ann", absences=[away("2026-12-05", "2026-12-01")], left_on="0226-01-01"),
            put("people", "out", trainings=[{"tier": "high", "expires": "2926-01-01"}]),
            put("approvals", "two", quorum=1),
        ],
        [
            "people[1].left_on: the year 226 cannot be right; write a date like 2026-01-31",
            "people[1].absences[0].last_day: the absence ends on 2026-12-01, before it begins on 2026-12-05",
            "people[4].trainings[0].expires: the year 2926 cannot be right; write a date like 2026-01-31",
        ],
    ),
    "absences that overlap": (
        [
            put(
                "people",
                "ann",
                absences=[away("2026-12-01", "2026-12-05", "bob"), away("2026-12-05", "2026-12-07", "cem")],
            )
        ],
        [
            "people[1].absences[1].first_day: it overlaps the absence from 2026-12-01 to 2026-12-05; "
            "make one of the two",
        ],
    ),
    "a delegate who is oneself": (
        [put("people", "ann", absences=[away("2026-12-01", "2026-12-02", "ann")])],
        [
            "people[1].absences[0].delegate: 'ann' cannot stand in for themselves; name somebody else",
        ],
    ),
    "a delegate who will have left": (
        [
            put("people", "ann", absences=[away("2026-12-01", "2026-12-02", "out")]),
            put("people", "out", left_on="2026-11-30"),
        ],
        [
            "people[1].absences[0].delegate: 'out' left on 2026-11-30; name somebody else",
        ],
    ),
    "delegates in a circle": (
        [
            put("people", "ann", absences=[away("2026-12-01", "2026-12-05", "bob")]),
            put("people", "bob", absences=[away("2026-12-04", "2026-12-08", "cem")]),
            put("people", "cem", absences=[away("2026-12-05", "2026-12-09", "ann")]),
        ],
        [
            "people[3].absences[0].delegate: on 2026-12-05 everybody in the circle is away: 'cem' to "
            "'ann' to 'bob' to 'cem'; name somebody who is there",
        ],
    ),
    "holidays and days that there are not": (
        [
            put("people", "ann", calendar={"holidays": "XX"}),
            put("use_cases", "chat", calendar={"holidays": "DE-ZZ", "days": []}),
        ],
        [
            "people[1].calendar.holidays: no public holidays are known for the country 'XX'; write its "
            "ISO 3166 code, such as DE or DE-BY",
            "use_cases[1].calendar.holidays: 'DE' has no part 'ZZ' with public holidays of its own",
            "use_cases[1].calendar.days: there is no working day; write for example days: [mon, tue, wed, thu, fri]",
        ],
    ),
    # Approvers
    "a quorum larger than its group": (
        [put("approvals", "two", quorum=4)],
        [
            "approvals[1].quorum: 4 approvals are needed, but 'finance' has only 3 people: add people, "
            "or lower the quorum",
        ],
    ),
    "a quorum that counts one member twice": (
        [put("groups", "finance", members=["ann", "ann"])],
        [
            "groups[0].members[1]: 'ann' stands in this list already; once is enough",
            "approvals[1].quorum: 2 approvals are needed, but 'finance' has only 1 person: add people, "
            "or lower the quorum",
        ],
    ),
    "a quorum that counts people who have left": (
        [
            put("people", "ann", left_on="2026-11-22"),
            put("people", "bob", left_on="2026-11-22"),
        ],
        [
            "approvals[1].quorum: 2 approvals are needed, but 'finance' has only 1 person (2 of its "
            "members have left): add people, or lower the quorum",
        ],
    ),
    "a quorum that counts the agent's owner": (
        [put("groups", "finance", members=["ann", "olga"])],
        [
            "approvals[1].quorum: 2 approvals are needed, but on actions of the policy itself only 1 "
            "person of 'finance' may decide, because its owner 'olga' is excluded: add people, or "
            "lower the quorum",
        ],
    ),
    "a quorum that counts people without training": (
        [
            put("people", "ann", trainings=[{"tier": "medium", "expires": "2027-01-01"}]),
            put("people", "bob", trainings=[{"tier": "high", "expires": "2026-11-22"}]),
        ],
        [
            "approvals[1].quorum: 2 approvals are needed at tier high, but trainings in force let only "
            "1 person of 'finance' give them: add people, or lower the quorum, or renew trainings",
        ],
    ),
    "stages that need the same people": (
        [
            add(
                "approvals",
                id="three",
                stages=[{"group": "finance", "quorum": 2}, {"group": "finance", "quorum": 2}],
                expire_after="1d",
            )
        ],
        [
            "approvals[3].stages: the stages of 'finance', 'finance' need 4 different people, and "
            "together they have 3; add people, or write exclude_earlier_stages: false",
        ],
    ),
    "a stage that is too small": (
        [
            add(
                "approvals",
                id="three",
                stages=[{"group": "finance"}, {"group": "on-call", "quorum": 2}],
                expire_after="1d",
            )
        ],
        [
            "approvals[3].stages[1].quorum: 2 approvals are needed, but 'on-call' has only 1 person: "
            "add people, or lower the quorum",
        ],
    ),
    "an escalation to nobody": (
        [put("people", "cem", left_on="2026-11-22")],
        [
            "approvals[0].escalate_to: the escalation reaches nobody: 'on-call' has no members, or all "
            "of them have left; name another group",
            "approvals[2].escalate_to: the escalation reaches nobody: 'on-call' has no members, or all "
            "of them have left; name another group",
        ],
    ),
    "a group of nobody": (
        [put("groups", "on-call", members=[])],
        [
            "groups[1]: nobody is in 'on-call': write members:, or slack_usergroup:",
            "approvals[0].escalate_to: the escalation reaches nobody: 'on-call' has no members, or all "
            "of them have left; name another group",
            "approvals[2].escalate_to: the escalation reaches nobody: 'on-call' has no members, or all "
            "of them have left; name another group",
        ],
    ),
    # Controls
    "controls that expired": (
        [
            put(
                "use_cases",
                "chat",
                controls={
                    "dpia": {"required": True, "status": "approved", "reference": "D-1", "expires": "2026-11-22"},
                    "vendor_contract": {**CONTROLLED, "expires": "2026-11-22"},
                },
            )
        ],
        [
            "use_cases[1].controls.dpia.expires: the data protection impact assessment expired on "
            "2026-11-22, but its status is 'approved': renew it and write the new date, or write "
            "status: draft until it is renewed",
            "use_cases[1].controls.vendor_contract.expires: the vendor contract expired on 2026-11-22, "
            "but is marked as reviewed: renew it and write the new date, or write reviewed_for_ai: "
            "false until it is renewed",
        ],
    ),
    "controls without anything to show": (
        [
            put(
                "use_cases",
                "chat",
                controls={
                    "dpia": {"required": True, "status": "approved"},
                    "vendor_contract": {**CONTROLLED, "reference": None},
                },
            )
        ],
        [
            "use_cases[1].controls.dpia: the data protection impact assessment is approved, but not "
            "which one: write reference: with its number",
            "use_cases[1].controls.vendor_contract: the vendor contract is marked as reviewed, but not "
            "which one: write reference: with its number",
        ],
    ),
    # Routes and times
    "a question to nobody": (
        [lambda document: document["routes"][3].pop("approval")],
        [
            "routes[3]: 'do: ask' needs to know how people are asked: write approval: with an id of 'approvals'",
        ],
    ),
    "an execution with an approval": (
        [route(1, approval="one")],
        [
            "routes[1].approval: nobody is asked where it says 'do: execute': write do: ask, or leave approval out",
        ],
    ),
    "a route that takes everything before others": (
        [route(1, tiers=[])],
        [
            "routes[1]: this route takes every action, so the routes below it are never asked; move it to the end",
        ],
    ),
    "a last route with a condition": (
        [route(-1, when="true")],
        [
            "routes[4]: the last route must take every use case and at least tier high, without a "
            "condition: what no route takes is denied, and that should stand here",
        ],
    ),
    "a last route for some use cases": (
        [route(-1, use_cases=["chat"])],
        [
            "routes[4]: the last route must take every use case and at least tier high, without a "
            "condition: what no route takes is denied, and that should stand here",
        ],
    ),
    "a last route that leaves high out": (
        [route(-1, tiers=["low", "medium"])],
        [
            "routes[4]: the last route must take every use case and at least tier high, without a "
            "condition: what no route takes is denied, and that should stand here",
        ],
    ),
    "escalate_to without escalate_after": (
        [put("approvals", "one", escalate_after=None)],
        [
            "approvals[0].escalate_to: it is not said when they are asked: add escalate_after: such as 4h",
        ],
    ),
    "escalate_after without escalate_to": (
        [put("approvals", "one", escalate_to=None)],
        [
            "approvals[0].escalate_after: it is not said who is asked then: add escalate_to: with an id of 'groups'",
        ],
    ),
    "a reminder after the deadline": (
        [put("approvals", "one", remind_after="3d")],
        [
            "approvals[0].remind_after: remind_after must be shorter than expire_after: by then it is over",
        ],
    ),
    "an escalation at the deadline": (
        [put("approvals", "one", escalate_after="2d")],
        [
            "approvals[0].escalate_after: escalate_after must be shorter than expire_after: by then it is over",
        ],
    ),
    # Tiers
    "a last tier with a condition": (
        [lambda document: document["risk"]["tiers"].pop()],
        [
            "risk.tiers[1].when: the last tier's condition must be 'true' (in quotes), so that every action has a tier",
        ],
    ),
    "a tier above the highest scores": (
        [tiers(("high", "scores.financial >= 6"), ("medium", "scores.total >= 3"), ("low", "true"))],
        [
            "risk.tiers[0].when: no action gets tier high here: no scores from 0 to 5 make this true; write "
            "lower limits (one score is at most 5, their total at most 25)",
        ],
    ),
    "a tier behind another": (
        [tiers(("high", "scores.financial >= 3"), ("medium", "scores.financial >= 4"), ("low", "true"))],
        [
            "risk.tiers[1].when: no action gets tier medium here: wherever this holds, such as at "
            "financial 4, a tier above it holds already; put it further up, or make the one above "
            "stricter",
        ],
    ),
    "a tier that falls": (
        [tiers(("high", "scores.financial == 3"), ("low", "true"))],
        [
            "risk.tiers: more risk gives a lower tier: financial 3 is high, and financial 4 is low; "
            "write conditions that stay true when a score rises, such as scores.financial >= 4",
        ],
    ),
    "a tier that fails for some scores": (
        [tiers(("high", "10 / scores.financial <= 2"), ("low", "true"))],
        [
            "risk.tiers[0].when: the condition fails for some scores, such as all scores 0",
        ],
    ),
    # Conditions
    "a rule that does not parse": (
        [rule(when="action_type = 'x'")],
        [
            "risk.rules[4].when: '=' is not expected here: write == to compare",
        ],
    ),
    "a rule on the scores, which it makes": (
        [rule(when="scores.total > 1")],
        [
            "risk.rules[4].when: no variable 'scores' here; the scores are not known yet where rules "
            "are asked; tiers, routes and stages may use them",
        ],
    ),
    "a rule that builds lists": (
        [rule(when="recipients.map(r, r) == []")],
        [
            "risk.rules[4].when: 'map' is not allowed: its cost grows with the square of the list; use "
            "'exists' or 'all'",
        ],
    ),
    "a tier on the arguments": (
        [tiers(("high", "arguments.a > 1"), ("low", "true"))],
        [
            "risk.tiers[0].when: no variable 'arguments' here; tiers see nothing but 'scores', and stages "
            "'scores' and 'tier'",
        ],
    ),
    "a route that does not parse": (
        [route(0, when=")")],
        [
            "routes[0].when: ')' is not expected here",
        ],
    ),
    # Examples
    "a rule that can raise to high and no example": (
        [lambda document: document.update(tests=[])],
        [
            "risk.rules[1].id: the rule 'fin.large' can raise an action to high, and no test shows it: "
            "add under tests:\n"
            "  - id: fin.large-is-found\n"
            "    agent: clerk\n"
            "    use_case: chat\n"
            "    action_type: refund.create\n"
            "    arguments: {...}  # such that the rule holds\n"
            "    expect: {tier: high, route: ask, hits: [fin.large]}",
        ],
    ),
    "an example at the end of time": (
        [example(at="0001-01-01T00:00:00+14:00")],
        [
            "tests[0].at: the year 1 cannot be right; write a moment like 2026-01-31T09:00:00Z",
        ],
    ),
    "an example at a moment somewhere": (
        [example(at="2026-11-23T09:00:00")],
        [
            "tests[0].at: the moment has no time zone: write Z at its end for UTC, or the difference "
            "to it, such as +01:00",
        ],
    ),
}
