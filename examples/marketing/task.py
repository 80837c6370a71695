"""What a task of an agent is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """One thing an agent asks for. `tier` and `route` are what the policy gives it, `state` how the story ends it."""

    name: str
    agent: str
    use_case: str
    action_type: str
    arguments: Mapping[str, Any]
    tier: str
    route: str
    state: str
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether people are asked."""
        return self.route == "ask"
