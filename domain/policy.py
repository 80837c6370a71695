"""The policy at work: which submissions are admitted, what tier they get and which route they take."""

from collections.abc import Mapping
from typing import Any

import cel

from domain.action import Action, Context, Frozen, Route, Submission, Tier
from domain.catalog import ActionType, Agent, Autonomy, Bundle, RouteRule, UseCase
from domain.errors import Forbidden, InvalidArguments, PolicyDenied, UnknownActionType, UnknownUseCase
from domain.expression import RuleFailed, compile_expression, context_of, holds
from domain.risk import ON_ACTION, ON_SCORES, Assessment, PolicyRef, Scale, assess, scores_variable
from domain.schemas import arguments_validator, misfits

_RUNS_ALONE = {
    Autonomy.AUTONOMOUS: (Tier.LOW, Tier.MEDIUM),
    Autonomy.REVIEWED_ABOVE_LOW: (Tier.LOW,),
}


class Judgement(Frozen):
    """An assessment and what the policy does with it. `approval` names the rule by which people are asked."""

    assessment: Assessment
    route: Route
    because: str
    approval: str | None = None


class Admitted(Frozen):
    """The catalog entries that an admitted action goes together with."""

    agent: Agent
    use_case: UseCase
    action_type: ActionType


class Policy:
    """A bundle with its expressions compiled. Built once per bundle, then only read."""

    def __init__(self, bundle: Bundle, digest: str) -> None:
        self.bundle = bundle
        self.ref = PolicyRef(version=bundle.version, digest=digest)
        self.people = {person.id: person for person in bundle.people}
        self.groups = {group.id: group for group in bundle.groups}
        self.approvals = {approval.id: approval for approval in bundle.approvals}
        self.agents = {agent.id: agent for agent in bundle.agents}
        self.use_cases = {use_case.id: use_case for use_case in bundle.use_cases}
        self.action_types = {action_type.id: action_type for action_type in bundle.action_types}
        self._schemas = {
            action_type.id: arguments_validator(action_type.arguments) for action_type in bundle.action_types
        }
        self._agent_variables = {agent.id: agent.model_dump(mode="json") for agent in bundle.agents}
        self._use_case_variables = {
            use_case.id: use_case.model_dump(mode="json", exclude={"agents", "action_types"})
            for use_case in bundle.use_cases
        }
        self._scale = Scale.compile(bundle.risk)
        self._routes = [
            (route, compile_expression(route.when, ON_ACTION | ON_SCORES | {"tier"}) if route.when else None)
            for route in bundle.routes
        ]

    def admit(self, agent_id: str, submission: Submission) -> Admitted:
        """Return the catalog entries the submission belongs to.

        Raises Forbidden for an agent that is unknown or suspended, UnknownUseCase, UnknownActionType,
        PolicyDenied where the catalog does not let them go together, InvalidArguments for a schema mismatch.
        """
        agent = self.agents.get(agent_id)
        if agent is None or agent.status != "active":
            raise Forbidden(f"agent '{agent_id}' is not an active agent of the catalog; ask its owner")
        use_case = self.use_cases.get(submission.use_case)
        if use_case is None:
            raise UnknownUseCase(f"no use case '{submission.use_case}' in the catalog")
        action_type = self.action_types.get(submission.action_type)
        if action_type is None:
            raise UnknownActionType(f"no action type '{submission.action_type}' in the catalog")
        if agent.id not in use_case.agents:
            raise PolicyDenied(f"agent '{agent.id}' may not act in use case '{use_case.id}'")
        if action_type.id not in use_case.action_types:
            raise PolicyDenied(f"use case '{use_case.id}' does not include action type '{action_type.id}'")
        region = submission.context.region
        if use_case.regions and region not in use_case.regions:
            allowed = ", ".join(use_case.regions)
            raise PolicyDenied(f"use case '{use_case.id}' works in {allowed}; context.region is {region!r}")
        self._require_fit(action_type, submission.arguments)
        return Admitted(agent=agent, use_case=use_case, action_type=action_type)

    def judge(self, admitted: Admitted, arguments: Mapping[str, Any], context: Context) -> Judgement:
        """Classify one admitted action and decide its route. A condition that fails takes the stricter way."""
        environment = context_of(
            {
                "action_type": admitted.action_type.id,
                "arguments": dict(arguments),
                "context": context.model_dump(),
                "agent": self._agent_variables[admitted.agent.id],
                "use_case": self._use_case_variables[admitted.use_case.id],
            }
        )
        assessment = assess(self._scale, environment, self.ref)
        environment.update({"scores": scores_variable(assessment.scores), "tier": assessment.tier.value})
        return self._route(assessment, admitted.use_case, environment)

    def executor_of(self, action: Action) -> tuple[str, dict[str, Any]] | None:
        """Return the executor and its settings for an action, None when the catalog no longer has its type."""
        action_type = self.action_types.get(action.action_type)
        return (action_type.executor, action_type.settings) if action_type else None

    def _require_fit(self, action_type: ActionType, arguments: Mapping[str, Any]) -> None:
        if found := misfits(self._schemas[action_type.id], arguments):
            raise InvalidArguments(f"the arguments do not fit '{action_type.id}': {found}")

    def _route(self, assessment: Assessment, use_case: UseCase, environment: cel.Context) -> Judgement:
        def judgement(route: Route, because: str, approval: str | None = None) -> Judgement:
            return Judgement(assessment=assessment, route=route, because=because, approval=approval)

        tier = assessment.tier
        if use_case.autonomy is Autonomy.OFF:
            return judgement(Route.DENY, f"the use case '{use_case.id}' is switched off")
        matched, failure = self._match({tier}, use_case, environment)
        because = failure or matched.because or f"the tier is {tier.value}"
        if failure or matched.do is Route.DENY:
            return judgement(Route.DENY, because)
        if use_case.autonomy is Autonomy.SUGGEST_ONLY:
            return judgement(Route.SUGGEST, f"the use case '{use_case.id}' only records suggestions")
        runs_alone = tier in _RUNS_ALONE.get(use_case.autonomy, ())
        if matched.do is Route.ASK and use_case.autonomy is Autonomy.AUTONOMOUS and runs_alone:
            return judgement(Route.EXECUTE, f"the use case '{use_case.id}' is autonomous below high")
        if matched.do is Route.EXECUTE and not runs_alone:
            tiers = list(Tier)
            asking, failure = self._match(set(tiers[tiers.index(tier) :]), use_case, environment, only=Route.ASK)
            because = failure or f"the use case '{use_case.id}' is {use_case.autonomy.value}; the tier is {tier.value}"
            return judgement(Route.DENY if failure else Route.ASK, because, asking.approval)
        return judgement(matched.do, because, matched.approval)

    def _match(
        self, tiers: set[Tier], use_case: UseCase, environment: cel.Context, only: Route | None = None
    ) -> tuple[RouteRule, str]:
        """Return the first route that takes one of `tiers`; a condition that fails is a reason to deny."""
        for number, (route, condition) in enumerate(self._routes):
            if (only is not None and route.do is not only) or (route.tiers and not tiers & set(route.tiers)):
                continue
            if route.use_cases and use_case.id not in route.use_cases:
                continue
            try:
                if condition is None or holds(condition, environment):
                    return route, ""
            except RuleFailed as problem:
                return route, f"the condition of route {number} could not be judged: {problem}"
        return RouteRule(do=Route.DENY), f"no route takes this action of use case '{use_case.id}'"
