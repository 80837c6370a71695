"""What Slack sends: clicks, forms, slash commands and events, parsed strictly where it matters to a vote, and bounded.

The same things come in by HTTP, as forms and JSON, and by Socket Mode, as envelopes: `inbound_in` and `inbound_of`
read them into the same values.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from adapters.notifiers.slack.forms import REASON_BLOCK, REASON_INPUT
from adapters.notifiers.slack.seal import Choice
from domain.action import Digest
from domain.errors import InvalidRequest

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_MAX_FIELDS = 40

UserId = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]
ChannelId = Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")]
Timestamp = Annotated[str, Field(pattern=r"^\d{1,16}\.\d{1,9}$")]
Name = Annotated[str, Field(max_length=255)]
TriggerId = Annotated[str, Field(min_length=1, max_length=500)]


class _Part(BaseModel):
    """A part of a payload; what Slack adds to it one day is let through unread."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class User(_Part):
    """Who clicked, by the stable id."""

    id: UserId


class Option(_Part):
    """The line of a menu, or of a choice, that was picked."""

    value: Annotated[str, Field(max_length=150)]


class Button(_Part):
    """The button that was pressed, or the menu that was used."""

    action_id: Name
    block_id: Name
    action_ts: Timestamp
    value: Annotated[str, Field(max_length=2000)] = ""
    selected_option: Option | None = None

    @property
    def picked(self) -> str:
        """What was picked from a menu."""
        return self.selected_option.value if self.selected_option else ""


class Channel(_Part):
    """Where the message stands."""

    id: ChannelId


class Message(_Part):
    """The message whose button was pressed."""

    ts: Timestamp


class Surface(_Part):
    """The Home or form whose button was pressed. Home carries the number of its page."""

    id: Name
    type: Literal["home", "modal"]
    private_metadata: Annotated[str, Field(max_length=3000)] = ""


class BlockActions(_Part):
    """A button was pressed: of a message in a channel, or of somebody's Home, which is in none."""

    type: Literal["block_actions"]
    user: User
    trigger_id: TriggerId
    channel: Channel | None = None
    message: Message | None = None
    view: Surface | None = None
    actions: Annotated[list[Button], Field(min_length=1, max_length=1)]

    @model_validator(mode="after")
    def _stands_somewhere(self) -> Self:
        if (self.view is None) != (self.channel is not None and self.message is not None):
            raise ValueError("a button stands on a message in a channel, or in a view")
        return self

    @property
    def button(self) -> Button:
        """The one button."""
        return self.actions[0]

    @property
    def place(self) -> str:
        """The channel of the message; on somebody's Home, that person."""
        return self.channel.id if self.channel is not None else self.user.id

    @property
    def ts(self) -> str:
        """The time stamp of the message; empty where there is none."""
        return self.message.ts if self.message is not None else ""

    @property
    def page(self) -> int:
        """The page of the Home on which it was pressed, the first being 0."""
        return page_number(self.view.private_metadata) if self.view is not None else 0


class Input(_Part):
    """What was typed or chosen in a field; nothing when it was left empty."""

    value: Annotated[str, Field(max_length=3000)] | None = None
    selected_option: Option | None = None
    selected_date_time: Annotated[int, Field(ge=0, lt=2**40)] | None = None

    @property
    def text(self) -> str:
        """What was typed, or picked."""
        return self.selected_option.value if self.selected_option else self.value or ""


class Values(_Part):
    """The fields of a form by block and input."""

    values: dict[Name, dict[Name, Input]]


class View(_Part):
    """A form as it was when it was sent."""

    id: Name
    callback_id: Name
    private_metadata: Annotated[str, Field(max_length=3000)]
    state: Values

    def given(self, block: str = REASON_BLOCK) -> Input:
        """Return what was typed or chosen in a block: in the one where people say why, unless told otherwise."""
        return self.state.values.get(block, {}).get(REASON_INPUT, Input())

    @property
    def reason(self) -> str:
        """The reason that was typed."""
        return self.given().value or ""


class ViewSubmission(_Part):
    """A form was sent."""

    type: Literal["view_submission"]
    user: User
    view: View


class ViewClosed(_Part):
    """A form was closed without sending it."""

    type: Literal["view_closed"]
    user: User


class SlashCommand(_Part):
    """A command such as `/remit pending` was typed; `text` is what follows the command."""

    command: Annotated[str, Field(pattern=r"^/[^\s/]{1,60}$")]
    text: Annotated[str, Field(max_length=4000)] = ""
    user_id: UserId
    channel_id: ChannelId
    trigger_id: TriggerId


class AppHomeOpened(_Part):
    """Somebody opened the app's own page. `event_id` is the same in every delivery of one event."""

    event_id: Name
    user: UserId
    tab: Name


class OtherEvent(_Part):
    """An event that Remit did not ask for."""

    event_id: Name
    type: Name


class UrlVerification(_Part):
    """Slack asks whether this address is the app's, and wants the challenge back."""

    type: Literal["url_verification"]
    challenge: Annotated[str, Field(max_length=500)]


class _Event(_Part):
    type: Name


class _EventCallback(_Part):
    type: Literal["event_callback"]
    event_id: Name
    event: dict[str, Any]


Interaction = BlockActions | ViewSubmission | ViewClosed
Inbound = Interaction | SlashCommand | AppHomeOpened | OtherEvent | UrlVerification
_INTERACTION: TypeAdapter[Interaction] = TypeAdapter(Annotated[Interaction, Field(discriminator="type")])
_EVENTS: TypeAdapter[_EventCallback | UrlVerification] = TypeAdapter(
    Annotated[_EventCallback | UrlVerification, Field(discriminator="type")]
)


class Carried(Choice):
    """What a form carries through Slack: the choice, and the revision whose differences it shows, if any."""

    previewed: Digest | None = None


def inbound_in(content_type: str, body: bytes) -> Inbound:
    """Read what came by HTTP. Raises InvalidRequest. Call it only when the signature is proven."""
    kind = content_type.split(";")[0].strip().lower()
    try:
        if kind == JSON:
            return _event(_EVENTS.validate_json(body))
        if kind != FORM:
            raise InvalidRequest(f"Slack posts {FORM} or {JSON}")
        fields = _fields(body)
        return SlashCommand(**fields) if "command" in fields else _INTERACTION.validate_json(fields["payload"])
    except ValidationError as problem:
        raise InvalidRequest(f"Slack's payload cannot be read: {_where(problem)}") from problem
    except (ValueError, KeyError) as problem:
        raise InvalidRequest("expected a form with a payload or a command") from problem


def inbound_of(kind: str, payload: Mapping[str, Any]) -> Inbound:
    """Read the payload of an envelope of Socket Mode, whose type is `kind`. Raises InvalidRequest."""
    try:
        match kind:
            case "interactive":
                return _INTERACTION.validate_python(payload)
            case "slash_commands":
                return SlashCommand.model_validate(payload)
            case "events_api":
                return _event(_EVENTS.validate_python(payload))
    except ValidationError as problem:
        raise InvalidRequest(f"Slack's payload cannot be read: {_where(problem)}") from problem
    raise InvalidRequest(f"Remit does not know envelopes of the type '{kind[:50]}'")


def page_number(text: str) -> int:
    """Return the number of a page that a view or button carries; the first for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form, each of which stands there once. Raises ValueError for another."""
    fields = {}
    for name, values in parse_qs(body.decode(), True, True, max_num_fields=_MAX_FIELDS).items():
        (fields[name],) = values
    return fields


def _event(found: _EventCallback | UrlVerification) -> Inbound:
    if isinstance(found, UrlVerification):
        return found
    kind = _Event.model_validate(found.event).type
    if kind == "app_home_opened":
        return AppHomeOpened.model_validate({**found.event, "event_id": found.event_id})
    return OtherEvent(event_id=found.event_id, type=kind)


def _where(problem: ValidationError) -> str:
    shown = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in problem.errors()[:3]]
    return "; ".join(shown)[:500]
