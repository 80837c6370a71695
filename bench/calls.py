"""Calls of tools, as a suite of tasks has them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call of a task's ground truth, what the tool answered, and whether its tool changes anything or reaches
    somebody outside."""

    tool: str
    arguments: dict[str, Any]
    answer: str
    changes: bool
    reaches_out: bool

    @property
    def acts(self) -> bool:
        """Whether it changes something or reaches somebody outside."""
        return self.changes or self.reaches_out

    @property
    def locator(self) -> str | None:
        """What was read: the first text among the arguments, a path, a page, a channel."""
        return next((value for value in self.arguments.values() if isinstance(value, str)), None)


@dataclass(frozen=True)
class Task:
    """One task as it was replayed: what the user asked, and the calls."""

    id: str
    prompt: str
    calls: list[Call]


@dataclass(frozen=True)
class Pair:
    """A user task during which the agent follows an injection: what it has read by then, and what it does next."""

    user: Task
    injection: Task
