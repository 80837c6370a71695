"""Forms and Homes as Slack sends them back: what was typed and picked, and what they carry."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.notifiers.slack.forms import REASON_BLOCK, REASON_INPUT
from adapters.notifiers.slack.seal import Choice
from domain.action import Digest

Name = Annotated[str, Field(max_length=255)]


class Part(BaseModel):
    """A part of a payload; what Slack adds to it one day is let through unread."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Option(Part):
    """The line of a menu, or of a choice, that was picked."""

    value: Annotated[str, Field(max_length=150)]


class Surface(Part):
    """The Home or form whose button was pressed. Home carries the number of its page."""

    id: Name
    type: Literal["home", "modal"]
    private_metadata: Annotated[str, Field(max_length=3000)] = ""


class Input(Part):
    """What was typed or chosen in a field; nothing when it was left empty."""

    value: Annotated[str, Field(max_length=3000)] | None = None
    selected_option: Option | None = None
    selected_date_time: Annotated[int, Field(ge=0, lt=2**40)] | None = None

    @property
    def text(self) -> str:
        """What was typed, or picked."""
        return self.selected_option.value if self.selected_option else self.value or ""


class Element(Part):
    """What a field of a form was drawn with."""

    initial_value: Annotated[str, Field(max_length=3000)] | None = None
    initial_option: Option | None = None


class Block(Part):
    """A part of a form; fields have an element."""

    block_id: Name = ""
    element: Element | None = None


class Values(Part):
    """The fields of a form by block and input."""

    values: dict[Name, dict[Name, Input]]


class View(Part):
    """A form as it was when it was sent."""

    id: Name
    callback_id: Name
    private_metadata: Annotated[str, Field(max_length=3000)]
    state: Values
    blocks: Annotated[list[Block], Field(max_length=100)] = []

    def given(self, block: str = REASON_BLOCK) -> Input:
        """Return what was typed or chosen in a block: in the one where people say why, unless told otherwise."""
        return self.state.values.get(block, {}).get(REASON_INPUT, Input())

    def text_in(self, block: str) -> str:
        """Return what stands in a block that nobody has emptied: what was typed or picked, else what it began with."""
        if text := self.given(block).text:
            return text
        began = next((each.element for each in self.blocks if each.block_id == block and each.element), Element())
        return began.initial_option.value if began.initial_option else began.initial_value or ""

    @property
    def reason(self) -> str:
        """The reason that was typed."""
        return self.given().value or ""


class Carried(Choice):
    """What a form carries through Slack: the choice, and the revision whose differences it shows, if any."""

    previewed: Digest | None = None


def page_number(text: str) -> int:
    """Return the number of a page that a view or button carries; the first for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
