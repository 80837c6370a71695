"""The bundle: the whole catalog and policy of one installation in one value."""

from typing import Annotated

from pydantic import Field

from domain.action import Frozen, Identifier
from domain.catalog.action_types import ActionType
from domain.catalog.agents import Agent
from domain.catalog.examples import Example
from domain.catalog.guardrails import Guardrails
from domain.catalog.people import Attention, Group, Person, Rotation
from domain.catalog.risk import Risk
from domain.catalog.routes import ApprovalRule, PolicyChanges, RouteRule
from domain.catalog.use_cases import UseCase
from domain.catalog.values import Title


class Bundle(Frozen):
    """The whole catalog and policy of one installation, at one version.

    `policy_changes` may be missing only in bundles of old installations; a new one needs it. `hold_group` may place
    holds from Slack.
    """

    id: Identifier
    version: Title
    agents: Annotated[list[Agent], Field(min_length=1)]
    use_cases: Annotated[list[UseCase], Field(min_length=1)]
    action_types: Annotated[list[ActionType], Field(min_length=1)]
    people: Annotated[list[Person], Field(min_length=1)]
    groups: list[Group]
    rotations: list[Rotation] = []
    attention: Attention = Attention()
    risk: Risk
    routes: Annotated[list[RouteRule], Field(min_length=1)]
    approvals: list[ApprovalRule]
    guardrails: Guardrails = Guardrails()
    policy_changes: PolicyChanges | None = None
    hold_group: Identifier | None = None
    tests: list[Example] = []
