"""Permissions: which agent may ask for what, where and with which data. What nothing allows is denied."""

from domain.catalog import ActionType, Agent, DataScope, Permission, UseCase
from domain.errors import PolicyDenied


def require_permission(
    agent: Agent, use_case: UseCase, action_type: ActionType, region: str | None, permissions: list[Permission]
) -> None:
    """Raise PolicyDenied, saying what is missing, unless these may go together."""
    if agent.id not in use_case.agents:
        raise PolicyDenied(f"agent '{agent.id}' may not act in use case '{use_case.id}'")
    if action_type.id not in use_case.action_types:
        raise PolicyDenied(f"use case '{use_case.id}' does not include action type '{action_type.id}'")
    if use_case.regions and region not in use_case.regions:
        allowed = ", ".join(use_case.regions)
        raise PolicyDenied(f"use case '{use_case.id}' works in {allowed}; context.region is {region!r}")
    granted = {source.id: source.scope for source in use_case.data_sources}
    for source, scope in action_type.data.items():
        if not _covers(granted.get(source), scope):
            message = f"'{action_type.id}' needs to {scope.value} '{source}', which use case '{use_case.id}' may not"
            raise PolicyDenied(message)
    if permissions and not any(_allows(one, agent, use_case, action_type, region) for one in permissions):
        where = f" in region '{region}'" if region else ""
        raise PolicyDenied(
            f"no permission allows agent '{agent.id}' to ask for '{action_type.id}' in use case '{use_case.id}'{where}"
        )


def _allows(
    permission: Permission, agent: Agent, use_case: UseCase, action_type: ActionType, region: str | None
) -> bool:
    """Say whether one permission allows it. A list that is empty allows all; data that is named must cover all."""
    return (
        (not permission.agents or agent.id in permission.agents)
        and (not permission.use_cases or use_case.id in permission.use_cases)
        and (not permission.action_types or action_type.id in permission.action_types)
        and (not permission.regions or region in permission.regions)
        and (
            not permission.data
            or all(_covers(permission.data.get(source), scope) for source, scope in action_type.data.items())
        )
    )


def _covers(granted: DataScope | None, wanted: DataScope) -> bool:
    return granted is not None and (granted is DataScope.WRITE or wanted is DataScope.READ)
