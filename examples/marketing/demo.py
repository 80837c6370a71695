"""Where the story takes place: the addresses and credentials of one running installation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from adapters.policy_files import read_bundle
from domain.catalog import Bundle
from examples.marketing import POLICY
from local.slack import LocalSlack


@cache
def example_bundle() -> Bundle:
    """Return the example's policy."""
    return read_bundle(POLICY)


@dataclass(frozen=True)
class Demo:
    """One running installation with the example's policy, as its public doors see it."""

    api_url: str
    tokens: Mapping[str, str]
    """Agent id to token."""
    reviewer_tokens: Mapping[str, str]
    """Person id to token."""
    admin_token: str
    crm_url: str
    crm_token: str
    mail_url: str
    slack: LocalSlack | None = None
    bundle: Bundle = field(default_factory=example_bundle)

    def slack_user(self, person: str) -> str:
        """Return a person's Slack user id."""
        found = next((known.slack_user for known in self.bundle.people if known.id == person), None)
        if found is None:
            raise LookupError(f"'{person}' has no slack_user in people.yaml")
        return found

    def slack_channels(self, person: str) -> list[str]:
        """Return the channels of the groups a person belongs to."""
        return [group.slack_channel for group in self.bundle.groups if person in group.members and group.slack_channel]
