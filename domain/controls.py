"""Controls: what must be in place before a use case may run by itself, and what has lapsed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.catalog.people import Person, has_left
from domain.catalog.use_cases import Dpia, UseCase, VendorContract

_PERSONAL = ("personal", "sensitive")


def lapses(use_case: UseCase, people: Mapping[str, Person], at: datetime) -> Iterator[str]:
    """Yield what is missing or has lapsed at this moment, each as a sentence. The last day of validity still counts."""
    today = at.astimezone(ZoneInfo(use_case.calendar.time_zone)).date()
    person = people.get(use_case.accountable)
    if person is None or has_left(person, at):
        yield f"nobody answers for the use case '{use_case.id}': '{use_case.accountable}' is not there any more"
    dpia = use_case.controls.dpia
    if dpia.required and dpia.status != "approved":
        yield f"the data protection impact assessment is {dpia.status}"
    elif dpia.required and dpia.expires is not None and dpia.expires < today:
        yield f"the data protection impact assessment{_reference(dpia)} expired on {dpia.expires}"
    contract = use_case.controls.vendor_contract
    if not contract.required:
        return
    if not contract.reviewed_for_ai:
        yield f"the vendor contract{_reference(contract)} was not reviewed for AI"
    elif not contract.data_processing_terms and any(s.classification in _PERSONAL for s in use_case.data_sources):
        yield f"the vendor contract{_reference(contract)} has no data processing terms, but personal data is used"
    elif contract.expires is not None and contract.expires < today:
        yield f"the vendor contract{_reference(contract)} expired on {contract.expires}"


def _reference(control: Dpia | VendorContract) -> str:
    return f" {control.reference}" if control.reference else ""
