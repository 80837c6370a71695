"""The story: every agent submits its tasks, people decide or do not, and at the end every outcome is checked.

It uses public doors only, and it does not care what is killed meanwhile: each request is sent again until it is
answered, under the same key, and each vote is looked up before it is cast again.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from examples.marketing import amendment
from examples.marketing.agent import FINAL, TASKS, RemitClient, RemitProblem, Submitted, submit_tasks
from examples.marketing.checks import Evidence, evidence, findings
from examples.marketing.demo import Demo
from examples.marketing.doors import Door, Wish, doors_of
from examples.marketing.patience import insist, until
from examples.marketing.script import Act, part_of
from examples.marketing.task import Task
from local.processes import StackError

__all__ = ["Demo", "Row", "submit_everything", "tell"]

Say = Callable[[str], None]
Fetched = list[dict[str, Any]]

_VOTE_SECONDS = 60.0
_LOOK_SECONDS = 3.0  # how long a vote may take to show before it is cast again
_END_SECONDS = 120.0
_CHAIN_SECONDS = 30.0


@dataclass(frozen=True)
class Row:
    """What became of one task."""

    task: str
    action_id: str
    tier: str
    route: str
    state: str
    expected: str
    decided_by: str
    door: str
    effects: str
    ok: bool
    note: str = ""


async def tell(demo: Demo, say: Say) -> list[Row]:
    """Play the story once and return a row for each task; one that is not `ok` says why in its note."""
    run = secrets.token_hex(4)
    say(f"run {run}: the agents submit {len(TASKS)} actions")
    submitted = await submit_tasks(demo.api_url, demo.tokens, run)
    async with RemitClient(demo.api_url, demo.admin_token) as witness:
        story = _Story(demo, say, witness)
        problems = await asyncio.gather(*(story.play(each) for each in submitted))
        effects = await _fetched(f"{demo.crm_url}/effects", "effects", demo.crm_token)
        messages = await _fetched(f"{demo.mail_url}/messages", "messages")
        say("every action has ended: checking what happened, and what did not")
        rows = [
            await story.row(each, problem, effects, messages) for each, problem in zip(submitted, problems, strict=True)
        ]
        return [*rows, await story.change_the_policy(run)]


async def submit_everything(demo: Demo, say: Say) -> list[Row]:
    """Have the agents submit their tasks and return where each stands: what is asked is left to real people."""
    say(f"the agents submit {len(TASKS)} actions")
    submitted = await submit_tasks(demo.api_url, demo.tokens, secrets.token_hex(4))
    async with RemitClient(demo.api_url, demo.admin_token) as witness:
        actions = [await witness.get(each.action_id) for each in submitted]
    effects = await _fetched(f"{demo.crm_url}/effects", "effects", demo.crm_token)
    messages = await _fetched(f"{demo.mail_url}/messages", "messages")
    return [
        _row(each.task, evidence(action, [], effects, messages), ok=True)
        for each, action in zip(submitted, actions, strict=True)
    ]


class _Story:
    """One telling. `witness` reads every action, with the admin's token."""

    def __init__(self, demo: Demo, say: Say, witness: RemitClient) -> None:
        self._demo, self._say, self._witness = demo, say, witness
        self._doors = doors_of(demo)

    async def play(self, submitted: Submitted) -> str:
        """Do what the script has for one action and wait for its end. Returns what went wrong, or nothing."""
        try:
            for act in part_of(submitted.task.name):
                if isinstance(act, Act):
                    await self._act(submitted, act)
                else:
                    await self._withdraw(submitted)
            action = await self._witness.follow(submitted.action_id, _END_SECONDS)
        except (TimeoutError, RemitProblem, httpx.HTTPError, LookupError) as problem:
            return f"{type(problem).__name__}: {problem}"
        self._say(f"{submitted.task.name}: {action['state']}")
        return ""

    async def change_the_policy(self, run: str) -> Row:
        """Have one person propose another policy and two others approve it, and see that it is active then."""
        names = ", ".join(person for person, _ in amendment.APPROVERS)
        doors = ", ".join(door for _, door in amendment.APPROVERS)
        action_id, note, version = "", "", "unchanged"
        self._say(f"{amendment.TASK}: {amendment.AUTHOR} proposes it, and may not approve it")
        try:
            proposal = await amendment.propose(self._demo, run)
            action_id = proposal["action"]
            for person, door in amendment.APPROVERS:
                self._say(f"{amendment.TASK}: {person} decides to approve ({door})")
                await self._vote(self._doors[door], Wish(action_id, person, "approve"))
            await self._witness.follow(action_id, _END_SECONDS)
            version = await amendment.wait_until_active(self._demo, proposal["digest"])
        except (TimeoutError, RemitProblem, httpx.HTTPError, LookupError, StackError) as problem:
            note = f"{type(problem).__name__}: {problem}"
        state = (await self._witness.get(action_id))["state"] if action_id else "not proposed"
        self._say(f"{amendment.TASK}: {state}")
        return Row(
            task=amendment.TASK,
            action_id=action_id,
            tier="high",
            route="ask",
            state=state,
            expected="succeeded",
            decided_by=names,
            door=doors,
            effects=f"policy {version}",
            ok=state == "succeeded" and not note,
            note=note,
        )

    async def row(self, submitted: Submitted, problem: str, effects: Fetched, messages: Fetched) -> Row:
        """Gather what can be seen of an action and judge it."""
        action = await self._witness.get(submitted.action_id)
        seen = evidence(action, await self._chained(submitted.action_id), effects, messages)
        wrong = [*([problem] if problem else []), *findings(submitted.task, seen, self._demo.slack is not None)]
        return _row(submitted.task, seen, not wrong, "; ".join(wrong))

    async def _act(self, submitted: Submitted, act: Act) -> None:
        """Vote as the script says, once the moment has come; an action that ended meanwhile is left alone."""
        if act.after_escalation:
            self._say(f"{act.task}: waiting until it is escalated")
        if not await self._is_moment(submitted.action_id, act):
            return
        wish = Wish(submitted.action_id, act.person, act.decision, act.reason)
        if act.refused is not None:
            await self._expect_refusal(wish, act)
            return
        self._say(f"{act.task}: {act.person} decides to {act.decision} ({act.door})")
        await self._vote(self._doors[act.door], wish)

    async def _is_moment(self, action_id: str, act: Act) -> bool:
        async def look() -> bool | None:
            action = await self._witness.get(action_id)
            if action["state"] in FINAL:
                return False
            if action["state"] != "pending_approval":
                return None
            escalated = any(step["kind"] == "escalate" for step in action["approval"]["escalations"])
            return True if escalated or not act.after_escalation else None

        return await until(look, f"{act.task} to wait for {act.person}", _END_SECONDS)

    async def _vote(self, door: Door, wish: Wish) -> None:
        """Knock until the vote stands in the action, or the action has ended without it."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _VOTE_SECONDS
        while True:
            happened = await door.knock(wish)
            if await self._is_settled(wish):
                return
            if loop.time() >= end:
                raise TimeoutError(f"the vote of {wish.person} did not count within {_VOTE_SECONDS:g} s: {happened}")

    async def _is_settled(self, wish: Wish) -> bool:
        async def look() -> bool | None:
            action = await self._witness.get(wish.action_id)
            votes = (action["approval"] or {}).get("votes", ())
            counted = any((vote["person"], vote["decision"]) == (wish.person, wish.decision) for vote in votes)
            return True if counted or action["state"] in FINAL else None

        try:
            return await until(look, "the vote", _LOOK_SECONDS)
        except TimeoutError:
            return False

    async def _expect_refusal(self, wish: Wish, act: Act) -> None:
        try:
            happened = await self._doors[act.door].knock(wish)
        except RemitProblem as problem:
            if problem.code != act.refused:
                raise
            self._say(f"{act.task}: the vote of {act.person} does not count ({problem.code})")
            return
        raise LookupError(f"the vote of {act.person} was not refused as {act.refused}: {happened}")

    async def _withdraw(self, submitted: Submitted) -> None:
        """Take the action back with its agent's own token."""
        task = submitted.task
        self._say(f"{task.name}: {task.agent} takes it back")
        async with RemitClient(self._demo.api_url, self._demo.tokens[task.agent]) as agent:

            async def look() -> bool | None:
                state = (await agent.get(submitted.action_id))["state"]
                return None if state == "assessing" else True

            await until(look, f"{task.name} to be assessed", _END_SECONDS)
            await agent.cancel(submitted.action_id)

    async def _chained(self, action_id: str) -> Fetched:
        """Return the ledger of an action once every entry has its place in the chain, or as it is after a while."""

        async def look() -> Fetched | None:
            entries = await self._witness.ledger(action_id)
            return entries if all(entry["number"] is not None for entry in entries) else None

        try:
            return await until(look, "the chain", _CHAIN_SECONDS)
        except TimeoutError:
            return await self._witness.ledger(action_id)


async def _fetched(url: str, name: str, token: str = "") -> Fetched:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        response = await insist(lambda: client.get(url))
    response.raise_for_status()
    found: Fetched = response.json()[name]
    return found


def _row(task: Task, seen: Evidence, ok: bool, note: str = "") -> Row:
    action = seen.action
    return Row(
        task=task.name,
        action_id=str(action["id"]),
        tier=str(action["tier"]),
        route=str(action["route"]),
        state=str(action["state"]),
        expected=task.state,
        decided_by=", ".join(str(vote["person"]) for vote in seen.votes) or _decider(action),
        door=", ".join(dict.fromkeys(str(vote["door"]) for vote in seen.votes)),
        effects=_effects(seen),
        ok=ok,
        note=note,
    )


def _decider(action: Mapping[str, Any]) -> str:
    """Say who decided where nobody voted."""
    without_votes = {"pending_approval": "nobody yet", "cancelled": str(action["agent"]), "expired": "nobody"}
    return without_votes.get(str(action["state"]), "policy")


def _effects(seen: Evidence) -> str:
    def counted(number: int, noun: str) -> Sequence[str]:
        return [f"{number} {noun}{'s' if number > 1 else ''}"] if number else []

    return ", ".join([*counted(len(seen.effects), "CRM effect"), *counted(len(seen.messages), "e-mail")]) or "none"
