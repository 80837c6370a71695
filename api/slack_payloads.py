"""What Slack sends: clicks, forms, slash commands and events, parsed strictly where it matters to a vote, and bounded.

The same things come in by HTTP, as forms and JSON, and by Socket Mode, as envelopes: `inbound_in` and `inbound_of`
read them into the same values.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from api.slack_views import Name, Option, Part, Surface, View, page_number
from domain.errors import InvalidRequest

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_MAX_FIELDS = 40

UserId = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]
ChannelId = Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")]
Timestamp = Annotated[str, Field(pattern=r"^\d{1,16}\.\d{1,9}$")]
TriggerId = Annotated[str, Field(min_length=1, max_length=500)]


class User(Part):
    """Who clicked, by the stable id."""

    id: UserId


class Button(Part):
    """The button that was pressed, or the menu that was used."""

    action_id: Name
    block_id: Name
    action_ts: Annotated[str, Field(pattern=r"^\d{1,16}(\.\d{1,9})?$")]
    value: Annotated[str, Field(max_length=2000)] = ""
    selected_option: Option | None = None

    @property
    def picked(self) -> str:
        """What was picked from a menu."""
        return self.selected_option.value if self.selected_option else ""


class Channel(Part):
    """Where the message stands."""

    id: ChannelId


class Message(Part):
    """The message whose button was pressed."""

    ts: Timestamp


class BlockActions(Part):
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


class ViewSubmission(Part):
    """A form was sent."""

    type: Literal["view_submission"]
    user: User
    view: View


class ViewClosed(Part):
    """A form was closed without sending it."""

    type: Literal["view_closed"]
    user: User


class SlashCommand(Part):
    """A command such as `/remit pending` was typed; `text` is what follows the command."""

    command: Annotated[str, Field(pattern=r"^/[^\s/]{1,60}$")]
    text: Annotated[str, Field(max_length=4000)] = ""
    user_id: UserId
    channel_id: ChannelId
    trigger_id: TriggerId


class AppHomeOpened(Part):
    """Somebody opened the app's own page. `event_id` is the same in every delivery of one event."""

    event_id: Name
    user: UserId
    tab: Name


class OtherEvent(Part):
    """An event that Remit did not ask for."""

    event_id: Name
    type: Name


class UrlVerification(Part):
    """Slack asks whether this address is the app's, and wants the challenge back."""

    type: Literal["url_verification"]
    challenge: Annotated[str, Field(max_length=500)]


class _Event(Part):
    type: Name


class _EventCallback(Part):
    type: Literal["event_callback"]
    event_id: Name
    event: dict[str, Any]


Interaction = BlockActions | ViewSubmission | ViewClosed
Inbound = Interaction | SlashCommand | AppHomeOpened | OtherEvent | UrlVerification
_INTERACTION: TypeAdapter[Interaction] = TypeAdapter(Annotated[Interaction, Field(discriminator="type")])
_EVENTS: TypeAdapter[_EventCallback | UrlVerification] = TypeAdapter(
    Annotated[_EventCallback | UrlVerification, Field(discriminator="type")]
)


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
