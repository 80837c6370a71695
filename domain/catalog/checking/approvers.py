"""Can every quorum be met?

Only people who have not left count, and for a tier only those whose trainings, if any are kept, cover it. A group with
a Slack user group cannot be counted when a bundle is loaded. The group of an escalation helps to meet no quorum here:
it may never be asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations

from domain.action import Tier
from domain.catalog.bundle import Bundle
from domain.catalog.checking.people import is_gone
from domain.catalog.people import Group
from domain.catalog.problems import Place, Problem
from domain.catalog.routes import ApprovalRule, Stage

_RANK = {tier: rank for rank, tier in enumerate(Tier)}


def approver_problems(bundle: Bundle, today: date) -> Iterator[Problem]:
    """Yield each group without anybody and each quorum that cannot be met, on a day."""
    people = {person.id: person for person in bundle.people}
    groups = {group.id: group for group in bundle.groups}
    present = {
        group.id: frozenset(name for name in group.members if name not in people or not is_gone(people[name], today))
        for group in bundle.groups
    }
    for number, group in enumerate(bundle.groups):
        if not group.members and group.slack_usergroup is None:
            yield Problem(("groups", number), f"nobody is in '{group.id}': write members:, or slack_usergroup:")
    for number, approval in enumerate(bundle.approvals):
        place: Place = ("approvals", number)
        yield from _Quorum(bundle, approval, groups, present, today).problems(place)


class _Quorum:
    """Whether the stages of one approval can be met, whichever action reaches it."""

    def __init__(
        self,
        bundle: Bundle,
        approval: ApprovalRule,
        groups: Mapping[str, Group],
        present: Mapping[str, frozenset[str]],
        today: date,
    ) -> None:
        self._bundle = bundle
        self._approval = approval
        self._groups = groups
        self._present = present
        self._today = today
        self._people = {person.id: person for person in bundle.people}

    def problems(self, place: Place) -> Iterator[Problem]:
        """Yield what keeps a quorum from being met: first of a stage by itself, else of stages together."""
        short = False
        for number, stage in enumerate(self._approval.asked):
            if not self._is_counted(stage.group):
                continue
            where = (*place, "stages", number, "quorum") if self._approval.stages else (*place, "quorum")
            for message in self._shortages(stage.group, stage.quorum):
                short = True
                yield Problem(where, message)
                break
        if not short:
            yield from self._too_few_together((*place, "stages"))

    def _too_few_together(self, place: Place) -> Iterator[Problem]:
        """Yield the first stages whose approvals must come from different people, of whom there are too few."""
        for stages in _asked_together(self._approval.asked):
            if message := self._shortage_of_all(stages):
                remedy = "add people, or have the stages asked one after the other, with exclude_earlier_stages: false"
                yield Problem(place, f"{message}; {remedy}")
                return
        if self._approval.exclude_earlier_stages and (message := self._shortage_of_all(self._approval.asked)):
            yield Problem(place, f"{message}; add people, or write exclude_earlier_stages: false")

    def _shortage_of_all(self, stages: Sequence[Stage]) -> str | None:
        """Say which of some stages have too few people between them for each to give one approval."""
        counted = [stage for stage in stages if self._is_counted(stage.group)]
        for size in range(2, len(counted) + 1):
            for several in combinations(counted, size):
                needed = sum(stage.quorum for stage in several)
                anybody = frozenset[str]().union(*(self._present[stage.group] for stage in several))
                if len(anybody) < needed:
                    names = ", ".join(f"'{stage.group}'" for stage in several)
                    return (
                        f"the stages of {names} need {needed} different people, and together they have {len(anybody)}"
                    )
        return None

    def _is_counted(self, group: str) -> bool:
        return group in self._groups and self._groups[group].slack_usergroup is None

    def _shortages(self, group: str, quorum: int) -> Iterator[str]:
        """Yield, the plainest first, why a group cannot give that many approvals."""
        present = self._present[group]
        left = len(set(self._groups[group].members)) - len(present)
        if len(present) < quorum:
            gone = f" ({left} of its members {'has' if left == 1 else 'have'} left)" if left else ""
            yield f"{quorum} approvals are needed, but '{group}' has only {_people(len(present))}{gone}: {_REMEDY}"
        for tier in self._tiers():
            trained = frozenset(name for name in present if self._is_trained(name, tier))
            if len(trained) < quorum:
                yield (
                    f"{quorum} approvals are needed at tier {tier.value}, but trainings in force let only "
                    f"{_people(len(trained))} of '{group}' give them: {_REMEDY}, or renew trainings"
                )
            for agent, owner in self._excluded_owners():
                if owner in trained and len(trained) - 1 < quorum:
                    yield (
                        f"{quorum} approvals are needed, but on actions of {agent} only {_people(len(trained) - 1)} of "
                        f"'{group}' may decide, because its owner '{owner}' is excluded: {_REMEDY}"
                    )

    def _tiers(self) -> list[Tier]:
        """Return the tiers whose actions can reach the approval, the riskiest first."""
        changes = self._bundle.policy_changes
        reached = {Tier.HIGH} if changes is not None and changes.approval == self._approval.id else set[Tier]()
        for route in self._bundle.routes:
            if route.approval == self._approval.id:
                reached |= set(route.tiers or Tier)
        return sorted(reached, key=_RANK.__getitem__, reverse=True)

    def _excluded_owners(self) -> Iterator[tuple[str, str]]:
        """Yield whose actions can reach the approval, each with the owner who may not approve them."""
        if not self._approval.exclude_agent_owner:
            return
        changes = self._bundle.policy_changes
        if changes is not None and changes.approval == self._approval.id:
            yield "the policy itself", changes.owner
        wide = [route.use_cases for route in self._bundle.routes if route.approval == self._approval.id]
        reaching = {
            agent
            for use_case in self._bundle.use_cases
            if any(not names or use_case.id in names for names in wide)
            for agent in use_case.agents
        }
        yield from ((f"'{a.id}'", a.owner) for a in self._bundle.agents if a.id in reaching and a.status == "active")

    def _is_trained(self, name: str, tier: Tier) -> bool:
        trainings = self._people[name].trainings if name in self._people else []
        return not trainings or any(
            _RANK[training.tier] >= _RANK[tier] and training.expires >= self._today for training in trainings
        )


def _asked_together(stages: Sequence[Stage]) -> Iterator[list[Stage]]:
    """Yield the stages by when they are asked: each with those that stand alongside it."""
    together: list[Stage] = []
    for stage in stages:
        if together and not stage.alongside:
            yield together
            together = []
        together.append(stage)
    yield together


_REMEDY = "add people, or lower the quorum"


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"
