"""A small company's bundle for tests, and a way to change it."""

from datetime import UTC, datetime
from typing import Any

from domain.catalog import Bundle
from domain.facts import Facts
from domain.policy import Policy

DOCUMENT: dict[str, Any] = {
    "id": "test-company",
    "version": "1",
    "agents": [
        {"id": "clerk", "title": "Clerk", "owner": "olga"},
        {"id": "other", "title": "Another agent", "owner": "olga"},
        {"id": "retired", "title": "Switched off", "owner": "olga", "status": "suspended"},
    ],
    "use_cases": [
        {
            "id": "support",
            "title": "Customer support",
            "owner": "olga",
            "agents": ["clerk", "retired"],
            "action_types": ["note.add", "refund.create", "mail.send", "slow.note"],
        },
        {
            "id": "chat",
            "title": "Live chat: a customer is waiting",
            "owner": "olga",
            "agents": ["clerk"],
            "action_types": ["refund.create"],
        },
        {
            "id": "ideas",
            "title": "Ideas",
            "owner": "olga",
            "agents": ["clerk"],
            "action_types": ["note.add"],
            "autonomy": "suggest_only",
        },
        {
            "id": "frozen",
            "title": "Frozen",
            "owner": "olga",
            "agents": ["clerk"],
            "action_types": ["note.add"],
            "autonomy": "off",
        },
        {
            "id": "eu-support",
            "title": "Support in the EU",
            "owner": "olga",
            "agents": ["clerk"],
            "action_types": ["note.add"],
            "regions": ["EU"],
        },
    ],
    "action_types": [
        {
            "id": "note.add",
            "title": "Add a note",
            "arguments": {
                "type": "object",
                "additionalProperties": False,
                "required": ["customer", "text"],
                "properties": {
                    "customer": {"type": "string", "pattern": "^c-[0-9]+$"},
                    "text": {"type": "string", "maxLength": 2000},
                },
            },
            "executor": "http.request",
            "settings": {
                "system": "crm",
                "method": "POST",
                "path": "/customers/{customer}/notes",
                "timeout_seconds": 2,
            },
            "reversible": True,
        },
        {
            "id": "slow.note",
            "title": "Add a note, slowly",
            "arguments": {
                "type": "object",
                "required": ["customer"],
                "properties": {"customer": {"type": "string", "pattern": "^c-[0-9]+$"}},
            },
            "executor": "http.request",
            "settings": {"system": "crm", "method": "POST", "path": "/customers/{customer}/slow"},
        },
        {
            "id": "refund.create",
            "title": "Refund a customer",
            "arguments": {
                "type": "object",
                "additionalProperties": False,
                "required": ["customer", "amount_minor"],
                "properties": {
                    "customer": {"type": "string", "pattern": "^c-[0-9]+$"},
                    "amount_minor": {"type": "integer", "minimum": 1},
                    "note": {"type": "string", "maxLength": 500},
                },
            },
            "executor": "http.request",
            "settings": {"system": "crm", "method": "POST", "path": "/refunds", "timeout_seconds": 2},
        },
        {
            "id": "mail.send",
            "title": "Send a mail",
            "arguments": {
                "type": "object",
                "required": ["to", "subject", "body"],
                "properties": {
                    "to": {"type": "string", "maxLength": 200},
                    "subject": {"type": "string", "maxLength": 200},
                    "body": {"type": "string", "maxLength": 5000},
                },
            },
            "executor": "email.send",
        },
    ],
    "people": [
        {"id": "olga", "name": "Olga Owner", "email": "olga@test.example", "slack_user": "U01OLGA"},
        {"id": "ann", "name": "Ann Approver", "email": "ann@test.example", "slack_user": "U01ANN"},
        {"id": "bob", "name": "Bob Approver", "email": "bob@test.example", "slack_user": "U01BOB"},
        {"id": "cem", "name": "Cem On Call", "email": "cem@test.example", "slack_user": "U01CEM"},
        {"id": "out", "name": "Otto Outsider", "email": "out@test.example", "slack_user": "U01OUT"},
    ],
    "groups": [
        {"id": "finance", "members": ["ann", "bob", "olga"], "slack_channel": "C01FINANCE"},
        {"id": "on-call", "members": ["cem"], "slack_channel": "C01ONCALL"},
    ],
    "risk": {
        "rules": [
            {
                "id": "fin.refund",
                "dimension": "financial",
                "points": 3,
                "when": 'action_type == "refund.create"',
                "because": "money leaves the company",
            },
            {
                "id": "fin.large",
                "dimension": "financial",
                "points": 5,
                "when": 'action_type == "refund.create" && arguments.amount_minor > 100000',
                "because": "more than 1000.00",
            },
            {
                "id": "con.promise",
                "dimension": "content",
                "points": 3,
                "when": '(action_type == "mail.send" && arguments.body.contains("guaranteed"))',
                "because": "promises a result",
            },
            {
                "id": "ope.fragile",
                "dimension": "operational",
                "points": 1,
                "when": 'action_type == "note.add" && arguments.text.startsWith("break") && int(arguments.text) == 1',
                "because": "a rule that cannot be judged for such notes",
            },
        ],
        "tiers": [
            {"tier": "high", "when": "scores.financial >= 5 || scores.total >= 8"},
            {"tier": "medium", "when": "scores.total >= 3"},
            {"tier": "low", "when": "true"},
        ],
    },
    "routes": [
        {
            "do": "deny",
            "when": 'action_type == "refund.create" && arguments.amount_minor > 10000000',
            "because": "agents do not refund more than 100 000.00",
        },
        {"do": "execute", "tiers": ["low"]},
        {"do": "ask", "tiers": ["medium", "high"], "use_cases": ["chat"], "approval": "quick"},
        {"do": "ask", "tiers": ["medium"], "approval": "one"},
        {"do": "ask", "approval": "two"},
    ],
    "approvals": [
        {
            "id": "one",
            "group": "finance",
            "remind_after": "2h",
            "escalate_after": "4h",
            "escalate_to": "on-call",
            "expire_after": "2d",
        },
        {"id": "two", "group": "finance", "quorum": 2, "exclude_agent_owner": True, "expire_after": "1d"},
        {
            "id": "quick",
            "group": "finance",
            "remind_after": "1s",
            "escalate_after": "2s",
            "escalate_to": "on-call",
            "expire_after": "4s",
        },
    ],
    "policy_changes": {"owner": "olga", "approval": "two"},
    "tests": [
        {
            "id": "large-refund",
            "agent": "clerk",
            "use_case": "support",
            "action_type": "refund.create",
            "arguments": {"customer": "c-1", "amount_minor": 100001},
            "expect": {"tier": "high", "route": "ask", "approval": "two", "hits": ["fin.refund", "fin.large"]},
        },
    ],
}


FACTS = Facts(at=datetime(2026, 11, 2, 10, tzinfo=UTC))
"""A Monday morning without a past: what most judgements of tests are made by."""


UNTIRING: dict[str, Any] = {"max_open": 1000, "max_per_hour": 1000, "quiet_hours_except": ["low", "medium", "high"]}
"""Attention for tests, which run at any hour and ask the same few people all the time."""


def bundle(**changes: Any) -> Bundle:
    """Return the bundle with some of its top-level parts replaced, whether or not it then makes sense as a whole."""
    return Bundle.model_validate({**DOCUMENT, "attention": UNTIRING, **changes})


def policy(**changes: Any) -> Policy:
    """Return the compiled policy of `bundle(**changes)`, under a digest for tests."""
    return Policy(bundle(**changes), "sha256:" + "b" * 64)
