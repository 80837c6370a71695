"""The catalog: agents, use cases, action types, people and groups, the rules that judge actions, and guardrails.

A `Bundle` is the whole catalog in one value. It is checked when it is loaded (`checked`), so that code which holds
one never meets a dangling reference, a duplicate id or an expression that does not compile.
"""

from domain.catalog.action_types import ActionType, Roles
from domain.catalog.agents import Agent
from domain.catalog.bundle import Bundle
from domain.catalog.checking import checked
from domain.catalog.examples import Example, Expectation
from domain.catalog.guardrails import (
    Aggregate,
    Budget,
    CheckUse,
    Guardrails,
    OnExceed,
    Per,
    Permission,
    RateLimit,
    Selector,
)
from domain.catalog.people import Absence, Attention, Calendar, Group, Person, Rotation, Training, has_left
from domain.catalog.risk import Dimension, Risk, Rule, TierCondition
from domain.catalog.routes import (
    ApprovalRule,
    Clock,
    EscalationStep,
    PolicyChanges,
    ReasonRequired,
    RejectionReason,
    RouteRule,
    Stage,
)
from domain.catalog.use_cases import (
    Autonomy,
    Controls,
    DataScope,
    DataSource,
    Dpia,
    OnLapse,
    Raci,
    Style,
    UseCase,
    VendorContract,
)
from domain.catalog.values import parse_duration

__all__ = [
    "Absence",
    "ActionType",
    "Agent",
    "Aggregate",
    "ApprovalRule",
    "Attention",
    "Autonomy",
    "Budget",
    "Bundle",
    "Calendar",
    "CheckUse",
    "Clock",
    "Controls",
    "DataScope",
    "DataSource",
    "Dimension",
    "Dpia",
    "EscalationStep",
    "Example",
    "Expectation",
    "Group",
    "Guardrails",
    "OnExceed",
    "OnLapse",
    "Per",
    "Permission",
    "Person",
    "PolicyChanges",
    "Raci",
    "RateLimit",
    "ReasonRequired",
    "RejectionReason",
    "Risk",
    "Roles",
    "Rotation",
    "RouteRule",
    "Rule",
    "Selector",
    "Stage",
    "Style",
    "TierCondition",
    "Training",
    "UseCase",
    "VendorContract",
    "checked",
    "has_left",
    "parse_duration",
]
