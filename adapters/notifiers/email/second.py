"""Whether Slack shows an action to somebody, told from the notices of the Slack notifier."""

from collections.abc import Iterable

from adapters.database.notices import Notice
from domain.approval import Approval
from domain.catalog import Person
from domain.policy import Policy


def is_shown(person: Person, approval: Approval, policy: Policy, slack: Iterable[Notice]) -> bool:
    """Whether a card stands where the person looks: in their own channel, or in that of a group they belong to."""
    posted = {notice.target: notice.reference for notice in slack if notice.reference and "/" not in notice.target}
    if posted.get(f"@{person.slack_user}", "") in posted:
        return True
    groups = [policy.groups[name] for name in approval.groups if name in policy.groups]
    return any(person.id in group.members and group.slack_channel in posted for group in groups)
