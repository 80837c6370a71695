"""Is somebody always asked, and can a stage be ended by those it asks?"""

from collections.abc import Iterator

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Place, Problem
from domain.catalog.routes import ApprovalRule


def stage_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield first stages that are asked beside none, approvals that may ask nobody, and vetoes nobody can give."""
    sizes = {group.id: len(set(group.members)) for group in bundle.groups if group.slack_usergroup is None}
    for number, approval in enumerate(bundle.approvals):
        place: Place = ("approvals", number, "stages")
        yield from _never_asked(place, approval)
        for i, stage in enumerate(approval.stages):
            size = sizes.get(stage.group)
            if size and stage.vetoes > size:
                message = (
                    f"{stage.vetoes} rejections are needed to end it, but '{stage.group}' has only "
                    f"{'1 person' if size == 1 else f'{size} people'}: lower vetoes, or add people"
                )
                yield Problem((*place, i, "vetoes"), message)


def _never_asked(place: Place, approval: ApprovalRule) -> Iterator[Problem]:
    if not approval.stages:
        return
    if approval.stages[0].alongside:
        message = "no stage is before the first that it could be asked together with; write alongside on the second"
        yield Problem((*place, 0, "alongside"), message)
    if all(stage.when is not None for stage in approval.stages):
        message = "every stage has a condition, so it may be that nobody is asked; take when: away from one of them"
        yield Problem(place, message)
