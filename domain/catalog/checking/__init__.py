"""Whether a bundle makes sense as a whole, question by question.

duplicates      does everything have a name of its own?
references      does every name lead somewhere, and are the built-in names left alone?
data            may a use case touch what its action types touch?
arguments       do schemas and the paths into them fit together?
people          does somebody answer for everything, and are dates possible?
approvers       can every quorum be met?
stages          is somebody always asked, and can those who are asked end it?
escalations     does every step of an escalation reach somebody, and before the deadline? (step_times)
attention       is somebody told of every request, and is high tier never gathered?
controls        is what is marked as current still in force?
routes          does every action get a route, and each route a turn?
conditions      does every condition make sense?
tiers           does every tier have its scores, and may points only raise it?
required_tests  is every rule that can raise to high shown by an example?
warnings        what is allowed, and probably not meant? (`remit policy check` says so; nothing is refused)
"""

from collections.abc import Iterator
from datetime import date

from domain.catalog.bundle import Bundle
from domain.catalog.checking.approvers import approver_problems
from domain.catalog.checking.arguments import argument_problems
from domain.catalog.checking.attention import attention_problems
from domain.catalog.checking.conditions import condition_problems
from domain.catalog.checking.controls import control_problems
from domain.catalog.checking.data import data_problems
from domain.catalog.checking.duplicates import duplicate_problems
from domain.catalog.checking.escalations import escalation_problems
from domain.catalog.checking.people import people_problems
from domain.catalog.checking.references import reference_problems
from domain.catalog.checking.required_tests import required_test_problems
from domain.catalog.checking.routes import route_problems
from domain.catalog.checking.schemas import schema_of_arguments_problems
from domain.catalog.checking.stages import stage_problems
from domain.catalog.checking.tiers import tier_problems
from domain.catalog.problems import Problem
from domain.errors import BundleInvalid


def checked(bundle: Bundle, today: date) -> Bundle:
    """Return `bundle` when it makes sense as a whole on a day. Raises BundleInvalid with every problem found."""
    if problems := list(problems_of(bundle, today)):
        raise BundleInvalid([str(problem) for problem in problems])
    return bundle


def problems_of(bundle: Bundle, today: date) -> Iterator[Problem]:
    """Yield every problem of a bundle whose parts have the right shape, on a day."""
    yield from duplicate_problems(bundle)
    yield from reference_problems(bundle)
    yield from data_problems(bundle)
    yield from schema_of_arguments_problems(bundle)
    yield from argument_problems(bundle)
    yield from people_problems(bundle, today)
    yield from approver_problems(bundle, today)
    yield from stage_problems(bundle)
    yield from escalation_problems(bundle, today)
    yield from attention_problems(bundle, today)
    yield from control_problems(bundle, today)
    yield from route_problems(bundle)
    in_conditions = list(condition_problems(bundle))
    yield from in_conditions
    if not any(problem.place[:2] == ("risk", "tiers") for problem in in_conditions):
        yield from tier_problems(bundle.risk)
    yield from required_test_problems(bundle)
