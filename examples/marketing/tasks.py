"""What the agents want to do today, as plain data, and what the policy should make of each."""

from typing import Any

from examples.marketing.outreach import LETTERS
from examples.marketing.task import Task


def _eur(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "EUR"}


_ALONE = (
    Task(
        name="score-a-lead",
        agent="lead-scorer",
        use_case="lead-scoring",
        action_type="lead.score",
        arguments={
            "lead_id": "L-20417",
            "score": 82,
            "reasons": ["asked for a quote twice", "1,200 employees", "uses a competitor's sensors"],
        },
        context={
            "prompt": "Score lead L-20417 from 0 to 100 and say why.",
            "output": "82: strong buying signals.",
            "reasoning": "Two quote requests in a week outweigh the missing budget figure.",
            "region": "eu",
        },
        tier="low",
        route="execute",
        state="succeeded",
    ),
    Task(
        name="route-a-lead",
        agent="lead-router",
        use_case="lead-routing",
        action_type="lead.route",
        arguments={"lead_id": "L-20417", "owner": "erik@northwind.example", "market": "eu"},
        context={
            "reasoning": "Erik looks after pharma in the Nordics and has room for two more leads.",
            "region": "eu",
        },
        tier="low",
        route="execute",
        state="succeeded",
    ),
    Task(
        name="tidy-an-account",
        agent="crm-keeper",
        use_case="crm-hygiene",
        action_type="account.update",
        arguments={"account_id": "A-3301", "changes": {"industry": "pharma", "employees": 1200}},
        context={"reasoning": "The industry was empty; their site and the register agree on both values."},
        tier="low",
        route="execute",
        state="succeeded",
    ),
    Task(
        name="suggest-a-price",
        agent="offer-maker",
        use_case="pricing-ideas",
        action_type="price.change",
        arguments={
            "product": "PH-200",
            "price": _eur(189_000),
            "argument": "Nine of the last ten quotes for PH-200 were accepted without negotiation.",
        },
        context={"prompt": "Where do our list prices leave money on the table?", "region": "eu"},
        tier="high",
        route="suggest",
        state="suggested",
    ),
    Task(
        name="offer-far-too-much",
        agent="offer-maker",
        use_case="discounts",
        action_type="offer.create",
        arguments={
            "account_id": "A-3309",
            "product": "TH-110",
            "list_price": _eur(420_000),
            "discount_percent": 60,
            "valid_days": 14,
            "channel": "email",
        },
        context={"reasoning": "The customer says that they leave us otherwise.", "region": "eu"},
        tier="high",
        route="deny",
        state="denied",
    ),
    Task(
        name="post-while-switched-off",
        agent="outreach-writer",
        use_case="social-posts",
        action_type="post.publish",
        arguments={"network": "linkedin", "text": "Our new pH sensor is on its way to the first laboratories."},
        context={"prompt": "Announce the PH-200."},
        tier="medium",
        route="deny",
        state="denied",
    ),
)

_ASKED = (
    Task(
        name="offer-a-discount",
        agent="offer-maker",
        use_case="discounts",
        action_type="offer.create",
        arguments={
            "account_id": "A-3301",
            "product": "PH-200",
            "list_price": _eur(1_780_000),
            "discount_percent": 15,
            "valid_days": 30,
            "channel": "email",
        },
        context={"reasoning": "Ten units in one order; the competitor's quote is 12 % lower.", "region": "eu"},
        tier="medium",
        route="ask",
        state="succeeded",
    ),
    Task(
        name="refund-an-invoice",
        agent="refund-clerk",
        use_case="refunds",
        action_type="refund.create",
        arguments={
            "account_id": "A-3317",
            "invoice_id": "INV-104482",
            "refund": _eur(64_000),
            "reason": "billed_twice",
            "note": "Same order number as INV-104467, which is paid.",
        },
        context={"reasoning": "Both invoices name order 88213; the second was paid on 12 November.", "region": "eu"},
        tier="high",
        route="ask",
        state="succeeded",
    ),
    Task(
        name="offer-on-the-phone",
        agent="chat-seller",
        use_case="live-offers",
        action_type="offer.create",
        arguments={
            "account_id": "A-3325",
            "product": "TH-110",
            "list_price": _eur(84_000),
            "discount_percent": 8,
            "valid_days": 7,
            "channel": "call",
        },
        context={"prompt": "The customer asks for something off.", "session_id": "call-5521", "region": "eu"},
        tier="medium",
        route="ask",
        state="succeeded",
    ),
    Task(
        name="offer-in-the-chat",
        agent="chat-seller",
        use_case="live-offers",
        action_type="offer.create",
        arguments={
            "account_id": "A-3340",
            "product": "HU-050",
            "list_price": _eur(31_000),
            "discount_percent": 12,
            "valid_days": 7,
            "channel": "chat",
        },
        context={"prompt": "The customer compares us with a cheaper probe.", "session_id": "chat-9017", "region": "eu"},
        tier="medium",
        route="ask",
        state="expired",
    ),
    Task(
        name="sort-many-accounts",
        agent="crm-keeper",
        use_case="crm-hygiene",
        action_type="account.bulk_update",
        arguments={
            "account_ids": [f"A-{number}" for number in range(3401, 3431)],
            "changes": {"segment": "long_tail"},
        },
        context={"reasoning": "No order from these thirty accounts in two years."},
        tier="medium",
        route="ask",
        state="cancelled",
    ),
)

TASKS: tuple[Task, ...] = (*_ALONE, *LETTERS, *_ASKED)
