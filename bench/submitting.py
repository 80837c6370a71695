"""Submitting calls to the engine as an agent's host would: admitted, checked and judged, without a server."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from activities.inspect import inspect
from adapters.checks import CHECKS
from bench.calls import Call
from domain.action import Action, Context, Route, Source, Submission
from domain.canonical import canonical_bytes, digest
from domain.catalog import Bundle, Guardrails
from domain.errors import RequestError
from domain.facts import Facts
from domain.guardrails import AggregateQuery, Measure, aggregates_of, measure_of
from domain.policy import Policy
from domain.roles import Meaning, meaning_of
from domain.signals import content_of

MAX_SOURCES = 50
MAX_CONTENT = 32_000
PATIENCE_MS = 5000


@dataclass(frozen=True)
class Decision:
    """What the engine does with one call, and why."""

    route: Route
    because: str

    @property
    def runs(self) -> bool:
        """Whether it runs without a person."""
        return self.route is Route.EXECUTE

    def __str__(self) -> str:
        return f"{self.route.value}: {self.because}"


class Submitter:
    """One bundle, asked about calls. An action type has the name of its tool, a data source that of the one it is
    read by. Use it in a `with` statement: checks run on an event loop of its own."""

    def __init__(self, bundle: Bundle, at: datetime) -> None:
        self.name = f"{bundle.id} {bundle.version}"
        self._bundle = bundle
        self._policy = Policy(bundle, digest(canonical_bytes(bundle.model_dump(mode="json"))))
        self._at = at
        # What is measured is what checks find, not how fast this machine is today.
        self._checks = [use.model_copy(update={"time_limit_ms": PATIENCE_MS}) for use in bundle.guardrails.checks]
        self._runner = asyncio.Runner()

    def __enter__(self) -> "Submitter":
        return self

    def __exit__(self, *failure: object) -> None:
        self._runner.close()

    def session(self, prompt: str) -> "Session":
        """Begin a conversation in which the user asked for something."""
        return Session(self, prompt)

    def judge(self, call: Call, context: Context, past: "Past") -> Decision:
        """Admit, check and judge one call."""
        place = next((use_case for use_case in self._bundle.use_cases if call.tool in use_case.action_types), None)
        if place is None:
            return Decision(Route.DENY, f"no use case of the bundle includes '{call.tool}'")
        context = context.model_copy(update={"region": place.regions[0] if place.regions else None})
        submission = Submission(use_case=place.id, action_type=call.tool, arguments=call.arguments, context=context)
        try:
            admitted = self._policy.admit(place.agents[0], submission)
        except RequestError as problem:
            return Decision(Route.DENY, str(problem))
        action = Action(
            id="replayed",
            agent=admitted.agent.id,
            use_case=place.id,
            action_type=call.tool,
            digest="",
            arguments_bytes=b"",
            context=context,
            created_at=self._at,
        )
        guardrails = self._bundle.guardrails
        history = past.history(guardrails, action, meaning_of(admitted.action_type, call.arguments))
        content = content_of(call.arguments, context, admitted.action_type, place)
        signals = self._runner.run(inspect(content, admitted.agent.id, self._checks, CHECKS))
        facts = Facts(at=self._at, history=history, signals=signals)
        judgement = self._policy.judge(admitted, call.arguments, context, facts)
        reasons = [f"{hit.rule} ({hit.points})" for hit in judgement.assessment.hits]
        reasons += [raised.reason for raised in judgement.assessment.raised]
        return Decision(judgement.route, ", ".join(reasons) or judgement.because)


@dataclass
class Session:
    """One conversation: what the user asked, what the agent has read, what it has done."""

    _submitter: Submitter
    _prompt: str
    _sources: list[Source] = field(default_factory=list)
    _past: "Past" = field(default_factory=lambda: Past())

    def submit(self, call: Call) -> Decision:
        """Submit a call. What it reads counts as read afterwards, as if somebody had approved where one is asked."""
        context = Context(prompt=self._prompt, sources=self._sources[-MAX_SOURCES:])
        decision = self._submitter.judge(call, context, self._past)
        if not call.changes:
            self.read(call)
        return decision

    def read(self, call: Call) -> None:
        """Take note of what a tool answered."""
        locator = call.locator
        self._sources.append(
            Source(source=call.tool, locator=locator and locator[:500], content=call.answer[:MAX_CONTENT])
        )


class Past:
    """What was submitted in a conversation, as the bundle's aggregates add it up. Every window is longer than it."""

    def __init__(self) -> None:
        self._done: list[tuple[Action, Measure]] = []

    def history(self, guardrails: Guardrails, action: Action, meaning: Meaning) -> dict[str, int]:
        """Return the value of each aggregate, this action included, and remember the action."""
        values = {query.id: self._total(query) + query.weight for query in aggregates_of(guardrails, action, meaning)}
        self._done.append((action, measure_of(meaning)))
        return values

    def _total(self, query: AggregateQuery) -> int:
        counted = [(action, measure) for action, measure in self._done if _is_counted(query, action, measure)]
        apart = query.recipients if query.recipients is not None else [None]
        return max(
            sum(
                measure.amount if query.of == "amount" else 1
                for _, measure in counted
                if recipient is None or recipient in measure.recipients
            )
            for recipient in apart
        )


def _is_counted(query: AggregateQuery, action: Action, measure: Measure) -> bool:
    chosen = (
        (query.agents, action.agent),
        (query.use_cases, action.use_case),
        (query.action_types, action.action_type),
    )
    same_currency = not query.currency or measure.currency in ("", query.currency)
    return same_currency and all(names is None or name in names for names, name in chosen)
