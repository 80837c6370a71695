"""Use cases: the inventory of what AI is used for, with owners, data, autonomy and the controls it needs."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.action import Frozen, Identifier
from domain.catalog.people import Calendar
from domain.catalog.values import Title


class Autonomy(StrEnum):
    """How far a use case may go without a person."""

    AUTONOMOUS = "autonomous"  # low and medium run by themselves, high is asked
    REVIEWED_ABOVE_LOW = "reviewed_above_low"  # low runs by itself
    REVIEWED = "reviewed"  # everything is asked
    SUGGEST_ONLY = "suggest_only"  # everything is recorded as a suggestion, nothing runs
    OFF = "off"  # everything is denied


class Raci(Frozen):
    """Who does the work, who answers for it, who is asked and who is told. Names are persons or groups; the one who
    answers is a person."""

    responsible: list[Identifier] = []
    accountable: Identifier
    consulted: list[Identifier] = []
    informed: list[Identifier] = []


class DataScope(StrEnum):
    """What may be done with a data source. Writing includes reading."""

    READ = "read"
    WRITE = "write"


class DataSource(Frozen):
    """Data a use case may touch, how sensitive it is, and whether values found in it can be relied on.

    `trust` says whether a recipient, an account or a link that an agent read there counts as known: `trusted` for a
    directory that only colleagues maintain, `untrusted` for anything that outsiders can write into. With
    `trusted_fields` only those fields of its records are relied on, whatever else they hold.
    `values` are known values written into the policy itself.
    """

    id: Identifier
    title: Title | None = None
    classification: Literal["public", "internal", "personal", "sensitive", "financial"]
    scope: DataScope = DataScope.READ
    trust: Literal["trusted", "untrusted"] = "untrusted"
    trusted_fields: list[Annotated[str, Field(min_length=1, max_length=80)]] = []
    values: Annotated[list[Title], Field(max_length=5000)] = []


class Dpia(Frozen):
    """The data protection impact assessment (GDPR Article 35) of a use case."""

    required: bool
    status: Literal["approved", "draft", "missing"] = "missing"
    reference: Title | None = None
    expires: date | None = None


class VendorContract(Frozen):
    """The contract with the vendor of the model, as far as using AI is concerned."""

    required: bool = True
    vendor: Title | None = None
    reference: Title | None = None
    reviewed_for_ai: bool = False
    data_processing_terms: bool = False
    indemnity: bool = False
    expires: date | None = None


class OnLapse(StrEnum):
    """What happens while a control is missing or has lapsed. It never runs without a person."""

    ASK = "ask"
    HIGH = "high"
    DENY = "deny"


class Controls(Frozen):
    """What must be in place before the use case may run by itself."""

    dpia: Dpia = Dpia(required=False)
    vendor_contract: VendorContract = VendorContract(required=False)
    retention_days: Annotated[int, Field(ge=1, le=36500)] | None = None
    on_lapse: OnLapse = OnLapse.HIGH


class Style(Frozen):
    """The house style for texts that leave in our name: what must be said, what must not, how hard it may read."""

    templates: list[Annotated[str, Field(min_length=1, max_length=5000)]] = []
    required_phrases: list[Title] = []
    banned_phrases: list[Title] = []
    max_reading_grade: Annotated[int, Field(ge=1, le=30)] | None = None
    link_domains: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}$")]] = []


class UseCase(Frozen):
    """One entry of the inventory: who owns it, who may act in it, with what and where."""

    id: Identifier
    title: Title
    owner: Identifier
    raci: Raci | None = None
    channel: Title | None = None
    agents: Annotated[list[Identifier], Field(min_length=1)]
    action_types: Annotated[list[Identifier], Field(min_length=1)]
    data_sources: list[DataSource] = []
    regions: list[str] = []
    autonomy: Autonomy = Autonomy.REVIEWED_ABOVE_LOW
    calendar: Calendar = Calendar()
    controls: Controls = Controls()
    style: Style = Style()

    @property
    def accountable(self) -> str:
        """The person who answers for the use case."""
        return self.raci.accountable if self.raci else self.owner
