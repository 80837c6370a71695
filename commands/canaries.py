"""`remit canary`: plant harmless fakes, straight in the database; a worker finds and starts them like any action."""

import json
import secrets
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from activities.gather import Gather
from activities.judge import Judge
from adapters.checks import CHECKS
from adapters.database.actions import Actions
from adapters.database.canaries import Canaries
from adapters.database.measures import History
from adapters.database.policies import CurrentPolicy, Policies
from adapters.database.tokens import TokenKind, Tokens
from commands.running import err, fail, out, settings_or_fail, with_pool
from domain.action import Action, Context, Route, State, Submission, Tier
from domain.canary import Canary, planted_entry
from domain.canonical import canonical_bytes, digest, revision_bytes
from domain.errors import InvalidRequest, NotFound
from domain.guardrails import Measure
from domain.policy import Judgement, Policy
from domain.record import ActionRecord
from domain.requested import requested_entry

app = typer.Typer(no_args_is_help=True, help="Plant harmless fakes that reviewers should reject, and see who did.")

_COUNTS_FOR_NOTHING = Measure(recipients=[])


@app.command("plant")
def plant(
    use_case: Annotated[str, typer.Option(help="The use case it seems to come from")],
    action_type: Annotated[str, typer.Option(help="The action type it seems to be")],
    agent: Annotated[str | None, typer.Option(help="The agent it seems to come from; else the first that may")] = None,
    tier: Annotated[Tier | None, typer.Option(help="Refuse to plant it unless it has this tier")] = None,
    submission: Annotated[
        Path | None, typer.Option(help="JSON with `arguments` and `context`; else the first fitting test of the bundle")
    ] = None,
    by: Annotated[str, typer.Option(help="Who plants it, for the ledger")] = "operator",
) -> None:
    """Plant a fake request that should be rejected. It goes the way of every request, and never runs."""
    settings = settings_or_fail()
    said = _read(submission) if submission is not None else None

    async def planted(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[str, Judgement]:
        policy = await CurrentPolicy(Policies(pool), settings.policy_refresh_seconds).current()
        agent_id, wanted = _wanted(policy, use_case, action_type, agent, said)
        return await plant_canary(pool, policy, agent_id, wanted, tier, by)

    action_id, judgement = with_pool(settings.database_url, planted)
    err.print(f"planted with tier {judgement.assessment.tier.value}; people are asked within half a minute")
    out.print(action_id)


@app.command("list")
def listing(limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most")] = 50) -> None:
    """List canaries and what people made of them, newest first."""
    found = with_pool(settings_or_fail().database_url, lambda pool: Canaries(pool).newest(limit))
    if not found:
        err.print("no canary was planted")
    for canary in found:
        result = canary.result.value if canary.result else "undecided"
        out.print(f"{canary.action}  {result:9}  {canary.planted_at:%Y-%m-%d %H:%M} UTC by {canary.planted_by}")


async def plant_canary(
    pool: "asyncpg.Pool[asyncpg.Record]", policy: Policy, agent: str, wanted: Submission, tier: Tier | None, by: str
) -> tuple[str, Judgement]:
    """Mark it, then submit it. Between the two there is a mark without an action, which means nothing."""
    admitted = policy.admit(agent, wanted)
    arguments = revision_bytes(wanted.arguments)
    now = datetime.now(UTC)
    action = Action(
        id=uuid.uuid4().hex,
        agent=agent,
        use_case=wanted.use_case,
        action_type=wanted.action_type,
        digest=digest(arguments),
        arguments_bytes=arguments,
        context=wanted.context,
        created_at=now,
    )
    owner = admitted.use_case.owner
    record = ActionRecord(action=action, owner=owner, state=State.ASSESSING, canary=True, updated_at=now)
    judgement, _ = await Judge(Gather(History(pool), CHECKS)).judge(policy, record, now)
    _require_asking(judgement, tier)
    canary = Canary(action=action.id, planted_by=by, planted_at=now)
    await Canaries(pool).mark(canary, planted_entry(canary, action))
    key, request = uuid.uuid4().hex, digest(canonical_bytes(wanted.model_dump(mode="json")))
    token = await _token_of(pool, agent)
    entry = requested_entry(action, key, token, request, secrets.token_bytes(32))
    await Actions(pool).submit(action, owner, key, request, entry, _COUNTS_FOR_NOTHING)
    return action.id, judgement


async def _token_of(pool: "asyncpg.Pool[asyncpg.Record]", agent: str) -> str:
    """Return the token by which the agent's requests come, as the ledger names it: another one would tell it apart."""
    in_force = await Tokens(pool).in_force()
    own = [token.token_id for token in in_force if (token.kind, token.subject) == (TokenKind.AGENT, agent)]
    return own[-1] if own else secrets.token_hex(6)


def _require_asking(judgement: Judgement, tier: Tier | None) -> None:
    """Refuse a canary that nobody would be asked about. Raises InvalidRequest."""
    found = judgement.assessment.tier
    if judgement.route is not Route.ASK:
        raise InvalidRequest(
            f"nobody would be asked about it: the policy's route is {judgement.route.value}, because "
            f"{judgement.because}; plant something that people are asked about"
        )
    if tier not in (None, found):
        raise InvalidRequest(f"it would have tier {found.value}, not {tier.value}; give other arguments")


def _wanted(
    policy: Policy, use_case: str, action_type: str, agent: str | None, said: dict[str, Any] | None
) -> tuple[str, Submission]:
    """Return what the canary passes for: as it was given, else as the first test of the bundle has it."""
    found = policy.use_cases.get(use_case)
    if found is None:
        raise NotFound(f"no use case '{use_case}' in the catalog; known: {', '.join(sorted(policy.use_cases))}")
    if said is None:
        fitting = (
            test
            for test in policy.bundle.tests
            if (test.use_case, test.action_type) == (use_case, action_type) and test.expect.route is Route.ASK
        )
        if (example := next(fitting, None)) is None:
            raise NotFound(
                f"no test of the bundle asks about '{action_type}' in '{use_case}'; say with --submission what it says"
            )
        agent, said = agent or example.agent, {"arguments": example.arguments, "context": example.context}
    context = Context.model_validate(said.get("context") or {})
    wanted = Submission(use_case=use_case, action_type=action_type, arguments=said["arguments"], context=context)
    return agent or found.agents[0], wanted


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text())
        Context.model_validate(said.get("context") or {})
        if not isinstance(said["arguments"], dict):
            raise TypeError("arguments are no object")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        fail(f"'{path}' is not JSON with `arguments` and, where wanted, `context`: {problem}")
    checked: dict[str, Any] = said
    return checked
