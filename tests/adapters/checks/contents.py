"""Actions for the checks to look at: one way to send a text, with the roles and the style that a test needs."""

from collections.abc import Mapping
from typing import Any

from adapters.checks import CHECKS
from domain.action import Context, Source
from domain.catalog import ActionType, UseCase
from domain.signals import Content, Signal, content_of

ROLES = {
    "recipients": ["to", "cc[]"],
    "accounts": ["account"],
    "files": ["attachments[]"],
    "texts": ["subject", "body"],
}


def content(
    body: str = "",
    *,
    arguments: Mapping[str, Any] | None = None,
    roles: Mapping[str, Any] = ROLES,
    style: Mapping[str, Any] | None = None,
    sources: Mapping[str, str] | None = None,
    **context: Any,
) -> Content:
    """Return an action that sends `body`, or these arguments. `sources` maps where the agent read to what it read."""
    names = ("to", "account", "subject", "body", "phone", "note")
    action_type = ActionType.model_validate(
        {
            "id": "mail.send",
            "title": "Send a mail",
            "executor": "email.send",
            "roles": roles,
            "arguments": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in names}
                | {"cc": {"type": "array"}, "attachments": {"type": "array"}, "amount": {"type": "integer"}},
            },
        }
    )
    use_case = UseCase.model_validate(
        {
            "id": "support",
            "title": "Customer support",
            "owner": "olga",
            "agents": ["clerk"],
            "action_types": ["mail.send"],
            "style": style or {},
        }
    )
    read = [Source(source="inbox", locator=where, content=text) for where, text in (sources or {}).items()]
    given = {"body": body} if arguments is None else arguments
    return content_of(given, Context(sources=read, **context), action_type, use_case)


async def look(check: str, body: str, settings: Mapping[str, Any] | None = None, **more: Any) -> Signal:
    """Return what a check says about an action that sends `body`."""
    return await CHECKS[check].inspect(content(body, **more), settings or {})


async def kinds(check: str, body: str, settings: Mapping[str, Any] | None = None, **more: Any) -> list[str]:
    """Return the kinds of things a check finds in `body`."""
    return (await look(check, body, settings, **more)).kinds


ORDINARY_MAIL = """Dear Ms Ortiz,

Thank you for your order 4500012345 of 12 May 2026 (customer 100-2000-33). The invoice INV-2026-00412 over
EUR 1,299.00 is attached as invoice.pdf; please pay it within 30 days, by 2026-06-11, and quote RF-00412/7.
Delivery takes 3-5 working days, between 10:30 and 16:00. Item no. 4006381333931, version 2.4.1.10, weighs 1.250 kg.
If you have not received it by then, please ignore our previous e-mail and let us know.
From now on you will find all documents in your account; please do not forget to follow the instructions there.

Kind regards
Ann, Assistant Manager at Müller GmbH & Co.KG"""
"""What people send every day. Every check that finds something here raises a false alarm."""
