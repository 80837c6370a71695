"""Action types: what an agent can ask for, how it is run, and what its arguments mean."""

from typing import Any, Literal

from domain.action import Frozen, Identifier
from domain.catalog.use_cases import DataScope
from domain.catalog.values import ArgumentPath, Title


class Roles(Frozen):
    """What arguments mean, so that rules can speak of recipients and amounts whatever a tool calls them.

    `amount_unit` says whether the amount is an integer of minor units (cents) or a decimal of major units; it is
    counted in minor units of two decimals either way. `count` is a number, or a list whose length counts.
    """

    amount: ArgumentPath | None = None
    amount_unit: Literal["minor", "major"] = "minor"
    currency: ArgumentPath | None = None
    count: ArgumentPath | None = None
    recipients: list[ArgumentPath] = []
    accounts: list[ArgumentPath] = []
    urls: list[ArgumentPath] = []
    files: list[ArgumentPath] = []
    texts: list[ArgumentPath] = []


class ActionType(Frozen):
    """One thing an agent can ask for: the schema of its arguments and the executor that runs it.

    `undo` tells people how to take it back. `editable` are the arguments a reviewer may change, `personal_data` those
    that hold personal data. `data` names the data sources it touches; the use case must grant that much.
    """

    id: Identifier
    title: Title
    arguments: dict[str, Any]
    executor: Identifier
    settings: dict[str, Any] = {}
    reversible: bool = False
    undo: Title | None = None
    roles: Roles = Roles()
    editable: list[ArgumentPath] = []
    personal_data: list[ArgumentPath] = []
    data: dict[Identifier, DataScope] = {}
