"""What the person on whose behalf an agent acts is told: that people are asked, how they decided, what came of it."""

from adapters.notifiers.slack.buttons import is_open
from adapters.notifiers.slack.standing import decision, outcome_line
from adapters.notifiers.slack.story import Reply
from adapters.notifiers.slack.text import deadline, prose
from domain.authority import find_person
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord


def requester(record: ActionRecord, policy: Policy) -> Person | None:
    """Return the person of the catalog on whose behalf the agent says it acts; None for somebody else."""
    return find_person(policy.people.values(), record.action.context.on_behalf_of or "")


def news(record: ActionRecord, policy: Policy, link: str) -> list[Reply]:
    """Return what the requester is told, each once. They see no arguments here: who may read them, the page decides."""
    approval = record.approval
    if approval is None:
        return []
    action_type = policy.action_types.get(record.action.action_type)
    title = prose(action_type.title) if action_type else record.action.action_type
    what = f"<{link}|{title}>"
    told = []
    if is_open(record):
        asked = " and ".join(approval.groups)
        text = (
            f"Agent `{record.action.agent}` says that it acts on your behalf: {what}. {asked} decide about it, until "
            f"{deadline(approval.plan.expires_at)}. If you know nothing of it, tell them."
        )
        told.append(Reply("asked", text))
    if approval.outcome is not None:
        told.append(Reply("decided", f"{what}, on your behalf: {decision(record, policy)}"))
    if (outcome := outcome_line(record)) is not None:
        told.append(Reply("executed", f"{what}, on your behalf: {outcome}"))
    return told
