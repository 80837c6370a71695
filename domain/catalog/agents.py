"""Agents: which software may ask, what it runs on, and the person who answers for it."""

from typing import Literal

from domain.action import Frozen, Identifier
from domain.catalog.values import Title


class Agent(Frozen):
    """A registered software agent and the person who answers for it."""

    id: Identifier
    title: Title
    owner: Identifier
    vendor: Title | None = None
    model: Title | None = None
    status: Literal["active", "suspended"] = "active"
