"""The page of one action, and the ballot that its form makes."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Response
from pydantic import ValidationError

from api.connections import Connections
from api.resources import action_view
from api.review_edit import EditDraft, edit_form, revisions_of
from api.review_manage import managing_of
from api.review_pages import page
from api.review_receipt import Notice, notice_of_vote
from api.review_requested import notice_of_request
from api.review_session import Reviewer
from api.review_view import (
    HIGHEST_SCORE,
    arguments_of,
    entries_of,
    is_intact,
    scores_of,
    time_left,
    why_no_approval,
    why_no_vote,
)
from api.step_up import is_stepped_up, step_up_of
from domain.approval import Ballot, Door
from domain.canary import TOLD
from domain.catalog import Person
from domain.errors import InvalidRequest, RefusalCode

_NONCE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Draft:
    """What the vote form starts with. `nonce` makes a form that is sent twice one ballot."""

    nonce: str
    reason: str = ""
    reason_id: str = ""


async def action_page(
    doors: Connections,
    who: Reviewer,
    action_id: str,
    draft: Draft,
    *,
    cast: str = "",
    requested: str = "",
    edit: EditDraft | None = None,
    refused: RefusalCode | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    """Return the page of an action, with `notice`, or the receipt of the ballot `cast` or of what was `requested`, at
    its top. With `edit` the form for edits holds what was typed."""
    record = await doors.actions.get(action_id)
    stored = await doors.ledger.of_action(action_id)
    now = datetime.now(UTC)
    if cast and notice is None:
        notice = notice_of_vote(record, stored, who.person, ballot_id(who.person, cast), refused)
    elif requested and notice is None:
        notice = notice_of_request(stored, who.person, requested, refused)
    settings, policy = doors.settings, who.policy
    ui = str(settings.temporal_ui_url) if settings.temporal_ui_url else None
    links = action_view(record, str(settings.public_url), ui, settings.temporal_namespace).links
    why_not = why_no_vote(record, who.person, policy, now)
    if why_not is None:
        await doors.assignments.seen(action_id, who.person.id, now)
    return page(
        "action.html",
        status,
        who=who,
        record=record,
        arguments=arguments_of(record),
        scores=scores_of(record),
        highest=HIGHEST_SCORE,
        intact=is_intact(record),
        entries=entries_of(stored),
        entries_total=len(stored),
        left=time_left(record, now),
        why_not=why_not,
        canary_told=TOLD,
        why_not_approve=why_no_approval(record, who.person, policy, now),
        names={person.id: person.name for person in policy.bundle.people},
        action_type=policy.action_types.get(record.action.action_type),
        agent=policy.agents.get(record.action.agent),
        use_case=policy.use_cases.get(record.action.use_case),
        temporal=links.temporal,
        step_up=step_up_of(record, who.stepped_up_until, settings, now),
        editing=edit_form(record, who.person, policy, now),
        edit=edit,
        revisions=revisions_of(await doors.revisions.made(action_id)),
        managing=managing_of(record, who.person, policy, now),
        notice=notice,
        draft=draft,
    )


def ballot_of(form: Mapping[str, str], who: Reviewer, now: datetime) -> tuple[Ballot, Draft]:
    """Return the ballot a form asks to cast, and the draft to show again should it be needed.

    Raises InvalidRequest for what the page's own form cannot send.
    """
    reason, nonce = form.get("reason", "").replace("\r\n", "\n"), form.get("ballot", "")
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in reason):
        raise InvalidRequest("the reason holds control characters; type it without them")
    if not _NONCE.fullmatch(nonce):
        raise InvalidRequest("the form names no ballot; open the action again and vote there")
    try:
        ballot = Ballot.model_validate(
            {
                "id": ballot_id(who.person, nonce),
                "person": who.person.id,
                "decision": form.get("decision", ""),
                "revision": form.get("revision", ""),
                "reason": reason,
                "reason_id": form.get("reason_id") or None,
                "door": Door.PAGE,
                "stepped_up": is_stepped_up(who.stepped_up_until, now),
            }
        )
    except ValidationError as problem:
        fields = ", ".join(str(error["loc"][0]) for error in problem.errors())
        raise InvalidRequest(f"the form cannot be read: {fields}; a reason may have 2000 characters") from problem
    return ballot, Draft(nonce=nonce, reason=reason, reason_id=form.get("reason_id", ""))


def ballot_id(person: Person, nonce: str) -> str:
    """Return the id of a ballot. The person is part of it, so that nobody can use up the ballot of another."""
    return f"page-{person.id}-{nonce}"
