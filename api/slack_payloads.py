"""What Slack posts when somebody clicks: parsed strictly where it matters to a vote, and bounded."""

from typing import Annotated, Literal, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from adapters.notifiers.slack.cards import Choice
from domain.errors import InvalidRequest

T = TypeVar("T", bound=BaseModel)

REASON_BLOCK = "reason"
REASON_INPUT = "text"

UserId = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]
ChannelId = Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")]
Timestamp = Annotated[str, Field(pattern=r"^\d{1,16}\.\d{1,9}$")]
Name = Annotated[str, Field(max_length=255)]


class _Part(BaseModel):
    """A part of a payload; what Slack adds to it one day is let through unread."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class User(_Part):
    """Who clicked, by the stable id."""

    id: UserId


class Button(_Part):
    """The button that was pressed."""

    action_id: Name
    block_id: Name
    action_ts: Timestamp
    value: Annotated[str, Field(max_length=2000)] = ""


class Channel(_Part):
    """Where the message stands."""

    id: ChannelId


class Message(_Part):
    """The message whose button was pressed."""

    ts: Timestamp


class BlockActions(_Part):
    """A button of a message was pressed."""

    type: Literal["block_actions"]
    user: User
    trigger_id: Annotated[str, Field(min_length=1, max_length=500)]
    channel: Channel
    message: Message
    actions: Annotated[list[Button], Field(min_length=1, max_length=1)]

    @property
    def button(self) -> Button:
        """The one button."""
        return self.actions[0]


class Input(_Part):
    """What was typed into a field; None when it was left empty."""

    value: Annotated[str, Field(max_length=3000)] | None = None


class Values(_Part):
    """The fields of a form by block and input."""

    values: dict[Name, dict[Name, Input]]


class View(_Part):
    """A form as it was when it was sent."""

    id: Name
    callback_id: Name
    private_metadata: Annotated[str, Field(max_length=3000)]
    state: Values

    @property
    def reason(self) -> str:
        """The reason that was typed."""
        return self.state.values.get(REASON_BLOCK, {}).get(REASON_INPUT, Input()).value or ""


class ViewSubmission(_Part):
    """A form was sent."""

    type: Literal["view_submission"]
    user: User
    view: View


class ViewClosed(_Part):
    """A form was closed without sending it."""

    type: Literal["view_closed"]
    user: User


Interaction = Annotated[BlockActions | ViewSubmission | ViewClosed, Field(discriminator="type")]
_INTERACTION: TypeAdapter[BlockActions | ViewSubmission | ViewClosed] = TypeAdapter(Interaction)


class Carried(Choice):
    """What the form that asks why carries through Slack: the choice, and the card it came from."""

    channel: ChannelId
    ts: Timestamp


def interaction_of(body: bytes) -> BlockActions | ViewSubmission | ViewClosed:
    """Parse a form with one field, `payload`. Raises InvalidRequest. Call it only when the signature is proven."""
    try:
        fields = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)
        (payload,) = fields["payload"]
        return _INTERACTION.validate_json(payload)
    except ValidationError as problem:
        raise InvalidRequest(f"Slack's payload cannot be read: {_where(problem)}") from problem
    except (ValueError, KeyError) as problem:
        raise InvalidRequest("expected a form with one field, payload") from problem


def choice_of(button: Button) -> Choice:
    """Return what a button of a card carries. Raises InvalidRequest."""
    return _parsed(Choice, button.value)


def carried_by(view: View) -> Carried:
    """Return what a form that asks why carries. Raises InvalidRequest."""
    return _parsed(Carried, view.private_metadata)


def _parsed(model: type[T], text: str) -> T:
    try:
        return model.model_validate_json(text)
    except ValidationError as problem:
        raise InvalidRequest(f"this is not one of Remit's buttons or forms: {_where(problem)}") from problem


def _where(problem: ValidationError) -> str:
    shown = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in problem.errors()[:3]]
    return "; ".join(shown)[:500]
