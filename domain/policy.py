"""The policy at work: which submissions are admitted, what tier they get and which route they take."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cel

from domain import policy_change
from domain.absences import with_declared
from domain.action import Action, Claims, Context, Frozen, Route, Submission, Tier
from domain.authority import find_person
from domain.catalog import Absence, ActionType, Agent, Autonomy, Bundle, OnLapse, RouteRule, UseCase
from domain.catalog.variables import ON_ROUTE
from domain.controls import lapses
from domain.environment import claims_variable, signals_for, variables_of
from domain.errors import Forbidden, InvalidArguments, PolicyDenied, UnknownActionType, UnknownUseCase
from domain.expression import RuleFailed, compile_expression, context_of, holds
from domain.facts import Facts
from domain.membership import joined
from domain.permissions import require_permission
from domain.references import Asked, asked_by
from domain.risk import Assessment, PolicyRef, Raise, Scale, assess, scores_variable
from domain.schemas import arguments_validator, misfits
from domain.signals import Finding, Signal

_RUNS_ALONE = {
    Autonomy.AUTONOMOUS: (Tier.LOW, Tier.MEDIUM),
    Autonomy.REVIEWED_ABOVE_LOW: (Tier.LOW,),
}


class Judgement(Frozen):
    """An assessment and what the policy does with it. `approval` names the rule by which people are asked.

    `facts` are what it was judged by, so that another policy can be asked what it would have done.
    """

    assessment: Assessment
    route: Route
    because: str
    approval: str | None = None
    facts: Facts | None = None


class Admitted(Frozen):
    """The catalog entries that an admitted action goes together with."""

    agent: Agent
    use_case: UseCase
    action_type: ActionType


@dataclass(frozen=True)
class _Conditions:
    """What is asked about actions of one type in one use case, and the parts of the variables that takes."""

    use_case: str
    scale: Scale
    routes: Sequence[tuple[int, RouteRule, cel.Program | None]]
    variables: Asked


class Policy:
    """A bundle with its expressions compiled. Built once per bundle, then only read."""

    def __init__(self, bundle: Bundle, digest: str) -> None:
        self.bundle = bundle
        self.ref = PolicyRef(version=bundle.version, digest=digest)
        self.people = {person.id: person for person in bundle.people}
        self.groups, self.unconfirmed = joined(bundle.groups, bundle.people, {})
        self.approvals = {approval.id: approval for approval in bundle.approvals}
        self.agents = {agent.id: agent for agent in bundle.agents}
        self.use_cases = {use_case.id: use_case for use_case in bundle.use_cases}
        self.action_types = {action_type.id: action_type for action_type in bundle.action_types}
        self._built_in = policy_change.entries(bundle.policy_changes) if bundle.policy_changes else None
        self._schemas = {
            action_type.id: arguments_validator(action_type.arguments) for action_type in bundle.action_types
        }
        self._schemas[policy_change.ACTION_TYPE] = arguments_validator(policy_change.ARGUMENTS)
        self._scale = Scale.compile(bundle.risk)
        self._routes = [
            (number, route, compile_expression(route.when, ON_ROUTE) if route.when else None)
            for number, route in enumerate(bundle.routes)
        ]
        self._conditions: dict[tuple[str, str], _Conditions] = {}

    def with_usergroups(self, confirmed: Mapping[str, Collection[str]]) -> "Policy":
        """Return this policy with the people of Slack user groups in its groups, as far as Slack confirmed them."""
        found = copy.copy(self)
        found.groups, found.unconfirmed = joined(self.bundle.groups, self.bundle.people, confirmed)
        return found

    def with_absences(self, declared: Mapping[str, Absence]) -> "Policy":
        """Return this policy with the absences that people declared themselves, beside those of the bundle."""
        found = copy.copy(self)
        found.people = with_declared({person.id: person for person in self.bundle.people}, declared)
        return found

    def admit(self, agent_id: str, submission: Submission) -> Admitted:
        """Return the catalog entries the submission belongs to.

        Raises Forbidden for an agent that is unknown or suspended, UnknownUseCase, UnknownActionType,
        PolicyDenied where the catalog does not let them go together, InvalidArguments for a schema mismatch.
        """
        if agent_id == policy_change.AGENT:
            return self._admit_change(submission)
        agent = self.agents.get(agent_id)
        if agent is None or agent.status != "active":
            raise Forbidden(f"agent '{agent_id}' is not an active agent of the catalog; ask its owner")
        use_case = self.use_cases.get(submission.use_case)
        if use_case is None:
            raise UnknownUseCase(f"no use case '{submission.use_case}' in the catalog")
        action_type = self.action_types.get(submission.action_type)
        if action_type is None:
            raise UnknownActionType(f"no action type '{submission.action_type}' in the catalog")
        region = submission.context.region
        require_permission(agent, use_case, action_type, region, self.bundle.guardrails.permissions)
        self._require_fit(action_type, submission.arguments)
        return Admitted(agent=agent, use_case=use_case, action_type=action_type)

    def judge(self, admitted: Admitted, arguments: Mapping[str, Any], context: Context, facts: Facts) -> Judgement:
        """Classify one admitted action and decide its route. A condition that fails takes the stricter way."""
        if admitted.action_type.id == policy_change.ACTION_TYPE:
            return self._judge_change(facts)
        agent, use_case, action_type = admitted.agent, admitted.use_case, admitted.action_type
        asked = self._asked_about(action_type.id, use_case.id)
        signals = signals_for(self.bundle, agent.id, use_case.id, action_type.id, facts)
        variables = variables_of(agent, use_case, action_type, arguments, context, facts, signals, asked.variables)
        environments = [context_of(variables)]
        if context.claims is not None and "claims" in asked.variables:
            # A claim may raise the tier and never lowers it: rules are asked as if nothing were claimed, too.
            environments.append(context_of(variables | {"claims": claims_variable(Claims())}))
        lapsed = list(lapses(use_case, self.people, facts.at))
        raised = [*self._raised_by_checks(signals), *_raised(context, facts, use_case, lapsed)]
        assessment = assess(asked.scale, environments, self.ref, raised)
        environments[0].update({"scores": scores_variable(assessment.scores), "tier": assessment.tier.value})
        judgement = self._route(assessment, use_case, asked, environments[0], lapsed)
        return self._require_requester(judgement, context).model_copy(update={"facts": facts})

    def needed(self, admitted: Admitted) -> Collection[str]:
        """Return the variables that the conditions about such actions use."""
        return self._asked_about(admitted.action_type.id, admitted.use_case.id).variables.keys()

    def executor_of(self, action: Action) -> tuple[str, dict[str, Any]] | None:
        """Return the executor and its settings for an action, None when the catalog no longer has its type."""
        if action.action_type == policy_change.ACTION_TYPE:
            return policy_change.ACTION_TYPE, {}
        action_type = self.action_types.get(action.action_type)
        return (action_type.executor, action_type.settings) if action_type else None

    def _admit_change(self, submission: Submission) -> Admitted:
        if self._built_in is None:
            raise PolicyDenied("the active bundle names nobody who approves changes of the policy (policy_changes)")
        agent, use_case, action_type = self._built_in
        if (submission.use_case, submission.action_type) != (use_case.id, action_type.id):
            raise PolicyDenied(f"agent '{agent.id}' only proposes changes of the policy")
        self._require_fit(action_type, submission.arguments)
        return Admitted(agent=agent, use_case=use_case, action_type=action_type)

    def _judge_change(self, facts: Facts) -> Judgement:
        changes = self.bundle.policy_changes
        judged = policy_change.assessment(self.ref)
        if changes is None:
            because = "the active bundle names nobody who approves changes of the policy (policy_changes)"
            return Judgement(assessment=judged, route=Route.DENY, because=because, facts=facts)
        because = "a change of the policy is always approved by people"
        return Judgement(assessment=judged, route=Route.ASK, because=because, approval=changes.approval, facts=facts)

    def _require_requester(self, judgement: Judgement, context: Context) -> Judgement:
        """Deny what would be asked by a rule that needs to know who may not approve it."""
        rule = self.approvals.get(judgement.approval or "")
        if rule is None or not rule.require_known_requester:
            return judgement
        if find_person(self.people.values(), context.on_behalf_of or "") is not None:
            return judgement
        said = "whom the agent names is not in it" if context.on_behalf_of else "the agent names nobody"
        because = f"the approval '{rule.id}' is only for actions on behalf of a person of the catalog, and {said}"
        return judgement.model_copy(update={"route": Route.DENY, "because": because, "approval": None})

    def _require_fit(self, action_type: ActionType, arguments: Mapping[str, Any]) -> None:
        if found := misfits(self._schemas[action_type.id], arguments):
            raise InvalidArguments(f"the arguments do not fit '{action_type.id}': {found}")

    def _asked_about(self, action_type: str, use_case: str) -> _Conditions:
        """Return what is asked about such actions, worked out the first time it is needed."""
        if (asked := self._conditions.get((action_type, use_case))) is None:
            scale = self._scale.about(action_type, use_case)
            routes = [
                (number, route, condition)
                for number, route, condition in self._routes
                if not route.use_cases or use_case in route.use_cases
            ]
            conditions = [
                *(rule.when for rule, _ in scale.rules),
                *(route.when for _, route, _ in routes if route.when),
            ]
            asked = _Conditions(use_case, scale, routes, asked_by(conditions))
            self._conditions[(action_type, use_case)] = asked
        return asked

    def _raised_by_checks(self, signals: Mapping[str, Signal]) -> Iterator[Raise]:
        for use in self.bundle.guardrails.checks:
            signal = signals[use.check]
            if signal.finding is Finding.UNKNOWN:
                reason = f"the check '{use.check}' gave no answer: {signal.because or 'no reason'}"[:300]
                yield Raise(by=f"check:{use.check}", tier=Tier(use.on_unknown), reason=reason)

    def _route(
        self,
        assessment: Assessment,
        use_case: UseCase,
        asked: _Conditions,
        environment: cel.Context,
        lapsed: Sequence[str],
    ) -> Judgement:
        def judgement(route: Route, because: str, approval: str | None = None) -> Judgement:
            return Judgement(assessment=assessment, route=route, because=because, approval=approval)

        tier = assessment.tier
        if use_case.autonomy is Autonomy.OFF:
            return judgement(Route.DENY, f"the use case '{use_case.id}' is switched off")
        if lapsed and use_case.controls.on_lapse is OnLapse.DENY:
            return judgement(Route.DENY, "; ".join(lapsed))
        matched, failure = _match(asked, {tier}, environment)
        because = failure or matched.because or f"the tier is {tier.value}"
        if failure or matched.do is Route.DENY:
            return judgement(Route.DENY, because)
        if use_case.autonomy is Autonomy.SUGGEST_ONLY:
            return judgement(Route.SUGGEST, f"the use case '{use_case.id}' only records suggestions")
        runs_alone = not lapsed and tier in _RUNS_ALONE.get(use_case.autonomy, ())
        if matched.do is Route.ASK and use_case.autonomy is Autonomy.AUTONOMOUS and runs_alone:
            return judgement(Route.EXECUTE, f"the use case '{use_case.id}' is autonomous below high")
        if matched.do is Route.EXECUTE and not runs_alone:
            tiers = list(Tier)
            asking, failure = _match(asked, set(tiers[tiers.index(tier) :]), environment, only=Route.ASK)
            because = f"the use case '{use_case.id}' is {use_case.autonomy.value}; the tier is {tier.value}"
            because = failure or "; ".join(lapsed) or because
            return judgement(Route.DENY if failure else Route.ASK, because, asking.approval)
        return judgement(matched.do, because, matched.approval)


def _raised(context: Context, facts: Facts, use_case: UseCase, lapsed: Sequence[str]) -> Iterator[Raise]:
    """Yield what raises the tier whatever the rules say."""
    if context.claims is not None and context.claims.risk is not Tier.LOW:
        yield Raise(
            by="claims", tier=context.claims.risk, reason=f"the agent itself calls it {context.claims.risk.value}"
        )
    if lapsed and use_case.controls.on_lapse is OnLapse.HIGH:
        yield Raise(by="controls", tier=Tier.HIGH, reason="; ".join(lapsed)[:300])
    for guardrail, tier in facts.exceeded.items():
        yield Raise(by=f"guardrail:{guardrail}", tier=tier, reason=f"it goes over the limit '{guardrail}'")


def _match(
    asked: _Conditions, tiers: set[Tier], environment: cel.Context, only: Route | None = None
) -> tuple[RouteRule, str]:
    """Return the first route that takes one of `tiers`; a condition that fails is a reason to deny."""
    for number, route, condition in asked.routes:
        if (only is not None and route.do is not only) or (route.tiers and not tiers & set(route.tiers)):
            continue
        try:
            if condition is None or holds(condition, environment):
                return route, ""
        except RuleFailed as problem:
            return route, f"the condition of route {number} could not be judged: {problem}"
    return RouteRule(do=Route.DENY), f"no route takes this action of use case '{asked.use_case}'"
