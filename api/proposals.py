"""Taking a proposed change of the policy in: read and tried as `remit policy check` does, then submitted as an action.

Nothing becomes active here. The action asks the people whom the active bundle names, never its author, and its
executor activates the bundle when they have approved it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from activities.try_examples import examples_failures
from adapters import checks, executors
from adapters.database.policies import Activation, Policies, bundle_bytes
from adapters.database.tokens import Caller, TokenKind
from api.connections import Connections
from api.submission import Accepted, accept
from domain import policy_change
from domain.action import Context, Submission
from domain.canonical import canonical_bytes, digest, require_shallow
from domain.catalog import Bundle, has_left
from domain.catalog.checking import problems_of
from domain.catalog.shape import Misshapen, shaped
from domain.catalog.texts import unstorable
from domain.errors import Forbidden, InvalidRequest, NotFound, PolicyUnavailable
from domain.policy import Policy
from domain.policy_change import Change, fitting
from domain.policy_diff import differences
from domain.replay import Replay

MAX_DEPTH = 40
MAX_PAST = 200
REPLAYED = timedelta(days=90)


async def propose(doors: Connections, who: Caller, bundle: Bundle, reason: str) -> Accepted:
    """Submit a bundle as a change of the policy on behalf of its author, or find the same proposal of theirs.

    It is the same while author, bundle, reason and what is active are. Raises InvalidRequest for a bundle that cannot
    be used, with every reason; Forbidden for somebody who is not in the catalog.
    """
    active = await active_now(doors)
    policies = Policies(doors.pool)
    current = await policies.load(active.digest)
    _require_author(current, who)
    name = digest(bundle_bytes(bundle))
    if name == active.digest:
        raise InvalidRequest(
            f"this bundle is active already, so there is nothing to propose: version {active.version}, {name}"
        )
    await _require_usable(bundle, name)
    key = _key(name, active, who, reason)
    if (earlier := await doors.actions.under_key(policy_change.AGENT, key)) is not None:
        return Accepted(earlier[0], None)
    change = Change(
        bundle=name,
        version=bundle.version,
        replaces=active.digest,
        author=who.subject,
        reason=reason,
        differences=fitting(differences(current.bundle, bundle), policy_change.DIFFERENCES_BYTES),
        replay=fitting(await _replay(doors, current, Policy(bundle, name)), policy_change.REPLAY_BYTES),
    )
    await doors.policy_changes.store(bundle)
    submission = Submission(
        use_case=policy_change.USE_CASE,
        action_type=policy_change.ACTION_TYPE,
        arguments=change.model_dump(mode="json"),
        context=Context(on_behalf_of=who.subject),
    )
    agent = Caller(kind=TokenKind.AGENT, subject=policy_change.AGENT, token_id=who.token_id)
    return await accept(doors, agent, submission, key)


async def active_now(doors: Connections) -> Activation:
    """Return the activation of the bundle that is active. Raises PolicyUnavailable when there is none."""
    past = await Policies(doors.pool).activations(1)
    if not past:
        raise PolicyUnavailable("no policy bundle is active; load one with: remit policy activate DIR")
    return past[0]


def read(document: Mapping[str, Any]) -> Bundle:
    """Return a document as a bundle.

    Raises InvalidRequest with every text that cannot be stored, or with everything that its shape lacks, a line each.
    """
    require_shallow(document, MAX_DEPTH)
    if faults := unstorable(document):
        raise _unusable(map(str, faults))
    try:
        return shaped(Bundle, document)
    except Misshapen as misshapen:
        raise _unusable(str(problem) for problem in misshapen.problems) from misshapen


async def earlier_bundle(doors: Connections, name: str) -> Bundle:
    """Return a bundle that was active before, by its digest. Raises NotFound."""
    if all(activation.digest != name for activation in await Policies(doors.pool).activations(MAX_PAST)):
        raise NotFound(f"no bundle {name} was ever active; `remit policy history` lists those that were")
    return (await Policies(doors.pool).load(name)).bundle


async def _replay(doors: Connections, current: Policy, candidate: Policy) -> list[str]:
    """Return what the candidate would have made of recorded actions."""
    replay = Replay(current, candidate, f"the last {REPLAYED.days} days")
    async for record in doors.actions.judged_since(datetime.now(UTC) - REPLAYED):
        replay.add(record)
        await asyncio.sleep(0)  # other requests have their turn
    return replay.report().lines()


async def _require_usable(bundle: Bundle, name: str) -> None:
    if problems := list(_problems(bundle, datetime.now(UTC).date())):
        raise _unusable(iter(problems))
    if failures := await examples_failures(Policy(bundle, name), checks.CHECKS):
        raise _unusable(iter(failures), "its tests fail")


def _problems(bundle: Bundle, today: date) -> Iterator[str]:
    for found in (problems_of(bundle, today), executors.problems_in(bundle), checks.problems_in(bundle)):
        yield from map(str, found)


def _unusable(lines: Iterator[str], because: str = "the bundle is not usable") -> InvalidRequest:
    return InvalidRequest("\n  ".join([f"{because}, nothing was proposed:", *lines]))


def _require_author(policy: Policy, who: Caller) -> None:
    author = policy.people.get(who.subject)
    if author is None or has_left(author, datetime.now(UTC)):
        raise Forbidden(f"'{who.subject}' is not among the people of the active bundle, so cannot propose a change")


def _key(name: str, active: Activation, who: Caller, reason: str) -> str:
    proposal = {"bundle": name, "after": active.number, "author": who.subject, "reason": reason}
    return f"policy:{digest(canonical_bytes(proposal))}"
