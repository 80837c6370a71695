"""What a policy makes of an action that nobody submitted, written for people."""

from collections.abc import Iterator

from domain.action import Route
from domain.examples import Trial, admitted_of
from domain.policy import Judgement, Policy
from domain.provenance import Origin, provenance_of
from domain.roles import meaning_of

_BAR = 5


def simulation_lines(policy: Policy, trial: Trial, judgement: Judgement) -> Iterator[str]:
    """Yield what a judgement says: tier, scores, hits, what raised it, provenance, signals, route, who is asked."""
    assessment = judgement.assessment
    yield f"tier {assessment.tier.value}, by version {policy.ref.version} ({policy.ref.digest})"
    for dimension, points in assessment.scores.items():
        yield f"  {dimension.value:12}{'#' * points}{'.' * (_BAR - points)} {points}"
    yield "rules that match:" if assessment.hits else "no rule matches"
    for hit in assessment.hits:
        yield f"  {hit.rule}: {hit.dimension.value} {hit.points}, {hit.reason}"
    for reason in assessment.raised:
        yield f"raised to {reason.tier.value} by {reason.by}: {reason.reason}"
    # Facts are missing where the policy did not even admit the action; then there is nothing more to show.
    if judgement.facts is not None:
        yield from _provenance(policy, trial)
        for name, signal in judgement.facts.signals.items():
            found = f": {', '.join(signal.kinds)} in {', '.join(signal.fields)}" if signal.kinds else ""
            yield f"signal {name}: {signal.finding.value}{found}"
    yield f"route {judgement.route.value}: {judgement.because}"
    if judgement.route is Route.ASK and judgement.approval is not None:
        yield from _asked(policy, judgement.approval)


def _provenance(policy: Policy, trial: Trial) -> Iterator[str]:
    admitted, arguments = admitted_of(policy, trial)
    meaning = meaning_of(admitted.action_type, arguments)
    found = provenance_of(meaning, trial.context, admitted.use_case)
    said = [f"{role} {origin.value}" for role, origin in found.roles.items() if origin is not Origin.NONE]
    for name in ("instructed", "ambiguous", "public"):
        said += [f"{role} is {name}" for role in getattr(found, name)]
    if said:
        yield f"provenance: {', '.join(said)}"


def _asked(policy: Policy, approval: str) -> Iterator[str]:
    rule = policy.approvals[approval]
    for stage in rule.asked:
        group = policy.groups.get(stage.group)
        members = ", ".join(group.members) if group else ""
        yield f"asks {stage.quorum} of '{stage.group}' ({members or 'nobody is known to be in it'})"
