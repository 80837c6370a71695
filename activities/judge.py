"""Judge: an action's record and a policy make a judgement, by facts gathered for it."""

import json
from datetime import datetime

from activities.gather import Gather
from domain.action import Route, Submission, Tier
from domain.catalog import Dimension
from domain.errors import InvalidArguments, RequestError
from domain.policy import Admitted, Judgement, Policy
from domain.record import ActionRecord
from domain.risk import Assessment


class Judge:
    """Judges recorded actions by any policy."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    async def judge(self, policy: Policy, record: ActionRecord, now: datetime) -> tuple[Judgement, Admitted | None]:
        """Judge an action; one that the catalog no longer admits is denied, whatever it admitted at the door."""
        action = record.action
        arguments = json.loads(action.arguments_bytes)
        submission = Submission(
            use_case=action.use_case, action_type=action.action_type, arguments=arguments, context=action.context
        )
        try:
            admitted = policy.admit(action.agent, submission)
        except RequestError as problem:
            return _denied(policy, problem), None
        facts = await self._gather.facts(policy, record, admitted, arguments, now)
        return policy.judge(admitted, arguments, action.context, facts), admitted


def _denied(policy: Policy, problem: RequestError) -> Judgement:
    scores = dict.fromkeys(Dimension, 0)
    assessment = Assessment(scores=scores, hits=[], tier=Tier.HIGH, policy=policy.ref)
    # What does not fit a schema is quoted by the error, and the reason goes into Temporal's history.
    because = "the arguments no longer fit" if isinstance(problem, InvalidArguments) else str(problem)
    return Judgement(assessment=assessment, route=Route.DENY, because=because)
