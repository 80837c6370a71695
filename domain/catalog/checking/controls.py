"""Is what is marked as current still in force?"""

from collections.abc import Iterator
from datetime import date

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Place, Problem
from domain.catalog.use_cases import Dpia, VendorContract


def control_problems(bundle: Bundle, today: date) -> Iterator[Problem]:
    """Yield each control that is marked as current and, on a day, is not: expired, or with nothing to show for it."""
    for number, use_case in enumerate(bundle.use_cases):
        place: Place = ("use_cases", number, "controls")
        yield from _dpia((*place, "dpia"), use_case.controls.dpia, today)
        yield from _contract((*place, "vendor_contract"), use_case.controls.vendor_contract, today)


def _dpia(place: Place, dpia: Dpia, today: date) -> Iterator[Problem]:
    if dpia.status != "approved":
        return
    if dpia.expires is not None and dpia.expires < today:
        yield Problem(
            (*place, "expires"),
            f"the data protection impact assessment expired on {dpia.expires}, but its status is 'approved': renew it "
            "and write the new date, or write status: draft until it is renewed",
        )
    if dpia.required and dpia.reference is None:
        message = (
            "the data protection impact assessment is approved, but not which one: write reference: with its number"
        )
        yield Problem(place, message)


def _contract(place: Place, contract: VendorContract, today: date) -> Iterator[Problem]:
    if not contract.reviewed_for_ai:
        return
    if contract.expires is not None and contract.expires < today:
        yield Problem(
            (*place, "expires"),
            f"the vendor contract expired on {contract.expires}, but is marked as reviewed: renew it and write the new "
            "date, or write reviewed_for_ai: false until it is renewed",
        )
    if contract.required and contract.reference is None:
        message = "the vendor contract is marked as reviewed, but not which one: write reference: with its number"
        yield Problem(place, message)
