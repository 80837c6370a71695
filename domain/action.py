"""An action: what an agent asks to do, and the states it goes through."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
"""Name of an agent, use case, action type, person, group or rule: lower case, so that it reads the same everywhere."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
"""Name of one revision of the arguments, as `domain.canonical.digest` makes it."""

Text = Annotated[str, Field(max_length=32_000)]


class Frozen(BaseModel):
    """A value: cannot be changed, refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class State(StrEnum):
    """Where an action stands. The last eight are final."""

    ASSESSING = "assessing"
    PENDING_APPROVAL = "pending_approval"
    EXECUTING = "executing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DENIED = "denied"
    SUGGESTED = "suggested"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the action by itself."""
        return self not in (State.ASSESSING, State.PENDING_APPROVAL, State.EXECUTING)


FINAL_STATES = frozenset(state for state in State if state.final)


class Tier(StrEnum):
    """How much risk an action carries."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Route(StrEnum):
    """What the policy does with an action."""

    EXECUTE = "execute"
    ASK = "ask"
    SUGGEST = "suggest"
    DENY = "deny"


class Source(Frozen):
    """Something the agent read before it asked: which data source of the use case, where in it, and what stood there.

    `content` is the text as the tool returned it, JSON where the tool returns records. A source that the use case
    does not name counts as untrusted.
    """

    source: Identifier
    locator: Annotated[str, Field(max_length=500)] | None = None
    content: Text


class Claims(Frozen):
    """What the agent thinks of its own action. A claim may raise the tier and never lowers it."""

    confidence: Annotated[int, Field(ge=0, le=100)] = 100
    risk: Tier = Tier.LOW
    reversible: bool = True


class Context(Frozen):
    """What the agent says about the action. These are claims: shown as quotes, never believed.

    `prompt` is what the person asked the agent for; `sources` is what the agent read since.
    """

    prompt: Text | None = None
    output: Text | None = None
    reasoning: Text | None = None
    on_behalf_of: Annotated[str, Field(max_length=200)] | None = None
    region: Annotated[str, Field(max_length=40)] | None = None
    session_id: Annotated[str, Field(max_length=200)] | None = None
    sources: Annotated[list[Source], Field(max_length=50)] = []
    claims: Claims | None = None


class Submission(Frozen):
    """What an agent sends: one action it asks to do."""

    use_case: Identifier
    action_type: Identifier
    arguments: dict[str, Any]
    context: Context = Context()


class Action(Frozen):
    """One action as it was accepted. `arguments_bytes` is the revision itself, named by `digest`."""

    id: str
    agent: str
    use_case: str
    action_type: str
    digest: str
    arguments_bytes: bytes
    context: Context
    created_at: datetime


class Outcome(StrEnum):
    """How an execution ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"

    @property
    def state(self) -> State:
        """The action's state after this outcome."""
        return State(self.value)


class ExecutionResult(Frozen):
    """Outcome of one execution, with what the other side answered (bounded) or why it failed."""

    outcome: Outcome
    result: dict[str, Any] = {}


def workflow_id(action_id: str) -> str:
    """Return the id of the one workflow that carries this action."""
    return f"action-{action_id}"
