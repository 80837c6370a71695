"""Similar requests that wait, together under one heading, so that they are read as what they are: the same again."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.review_inbox import Row


@dataclass(frozen=True)
class Similar:
    """Requests of one agent for one action type in one use case. Each is decided on its own."""

    agent: str
    use_case: str
    title: str
    rows: list[Row]


def grouped(rows: Sequence[Row]) -> list[Similar]:
    """Return the rows with similar ones together. Groups stand where their first row does, rows keep their order."""
    groups: dict[tuple[str, str, str], Similar] = {}
    for row in rows:
        action = row.record.action
        alike = (action.agent, action.action_type, action.use_case)
        if alike not in groups:
            groups[alike] = Similar(agent=action.agent, use_case=action.use_case, title=row.title, rows=[])
        groups[alike].rows.append(row)
    return list(groups.values())
