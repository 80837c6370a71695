"""The names that conditions may use, and where."""

ON_ACTION = frozenset(
    {
        "action_type",
        "reversible",
        "arguments",
        "context",
        "claims",
        "agent",
        "use_case",
        "region",
        "time",
        "amount",
        "currency",
        "count",
        "recipients",
        "history",
        "signals",
        "provenance",
    }
)
"""What rules see."""
ON_SCORES = frozenset({"scores"})
"""What tiers see."""
ON_ROUTE = (ON_ACTION - {"claims"}) | ON_SCORES | {"tier"}
"""What routes see. Claims are left out: they may raise a tier, and must not choose a route."""
ON_STAGE = ON_SCORES | {"tier"}
"""What the condition of a stage sees."""
