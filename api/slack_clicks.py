"""Which click counts: one on a button that Remit sealed, on the card that Remit noted, in the channel of that card; or
on the Home of the person it was sealed for. Which form counts: one that was opened for whoever sends it.

Whatever else comes, signed by Slack as it may be, was put together by somebody: it is refused, its sender is told so,
and the ledger has who, where and why.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog
from pydantic import ValidationError

from adapters.database.notices import Notice
from adapters.notifiers.slack.buttons import MORE, sealed_in
from adapters.notifiers.slack.messages import NAME, with_buttons
from adapters.notifiers.slack.seal import Choice, Seal
from api.slack_payloads import BlockActions, ViewSubmission
from api.slack_views import Carried
from domain.catalog import Person
from domain.errors import InvalidRequest
from domain.ledger import Actor, ActorKind, Entry, EntryKind, entry

log = structlog.get_logger(__name__)

_LOOKS = 10
_LOOK_SECONDS = 0.1

_FORGED = "This button is not one that Remit made for this card, so nothing was decided. It was recorded. " + (
    "Please use the review page."
)
_NOT_THE_CARD = "This is not the card that stands for this action now, so nothing was decided. " + (
    "Use the newest card, or the review page; if this one was just posted, click again."
)
_NOT_THEIR_FORM = "Remit did not open this form for you, so nothing was done. It was recorded. " + (
    "Please open it again from the card."
)


class NoticeSource(Protocol):
    """What checking clicks needs of the store of notices: which card stands where."""

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        """Return where a notifier shows an action."""


class LedgerWriter(Protocol):
    """Where refused clicks are recorded."""

    async def append(self, entries: list[Entry]) -> None:
        """Write entries on their own."""


@dataclass(frozen=True)
class RefusedClick:
    """Why a click does not count, for the ledger, and what its sender is told."""

    why: str
    told: str


_BY_ACCOUNT = "Nothing was done: {whose}. Please use the review page, where you sign in, or tell Remit's admin."
ACCOUNTS = {
    why: RefusedClick(f"account_{why}", _BY_ACCOUNT.format(whose=whose))
    for why, whose in {
        "deactivated": "this Slack account is deactivated",
        "bot": "this Slack account is a bot's",
        "guest": "this Slack account is a guest's, and guests decide nothing from Slack",
        "external": "this Slack account belongs to another company's workspace",
        "unknown": "Slack does not know this account",
    }.items()
}
"""What is told when an account may not decide, by why."""
NOT_ASKED = RefusedClick(
    "account_unconfirmed",
    "Nothing was done: Slack did not say whose account this is, and without that this cannot be taken from here. "
    "Please try again in a moment, or use the review page.",
)


@dataclass(frozen=True)
class Clicks:
    """Tells the clicks that count from those that do not."""

    seal: Seal
    notices: NoticeSource
    ledger: LedgerWriter

    async def choice_of(self, click: BlockActions, person: Person | None) -> Choice | RefusedClick:
        """Return what the click chose, or why it is refused, which is recorded then."""
        choice, refused = None, None
        try:
            choice = self._opened(click)
        except InvalidRequest:
            refused = RefusedClick("not_sealed_here", _FORGED)
        if choice is not None:
            refused = await self._misplaced(click, choice)
        if refused is None and choice is not None:
            return choice
        found = refused or RefusedClick("not_sealed_here", _FORGED)
        await self.record(click, choice, person, found)
        return found

    async def carried_by(self, form: ViewSubmission, person: Person | None) -> Carried | RefusedClick:
        """Return what a form carries, or why it is refused, which is recorded then."""
        try:
            content = self.seal.opened_form(form.view.private_metadata, form.user.id, form.view.callback_id)
            return Carried.model_validate_json(content)
        except (InvalidRequest, ValidationError):
            refused = RefusedClick("form_not_opened_for_them", _NOT_THEIR_FORM)
        await self.record(form, None, person, refused)
        return refused

    def sealed(self, carried: Carried, user: str, form: str) -> str:
        """Return what a form is to carry that is opened for this person."""
        return self.seal.sealed_form(carried.model_dump_json(), user, form)

    async def record(
        self,
        inbound: BlockActions | ViewSubmission,
        choice: Choice | None,
        person: Person | None,
        refused: RefusedClick,
    ) -> None:
        """Write a refused click or form into the ledger; the same one delivered twice is one entry."""
        user = inbound.user.id
        if isinstance(inbound, BlockActions):
            button = inbound.button
            where, name = {"channel": inbound.place, "ts": inbound.ts}, button.action_id
            what = [button.action_ts, button.block_id, button.value]
        else:
            where, name, what = {"channel": "", "ts": ""}, inbound.view.callback_id, [inbound.view.id]
        log.warning("slack_click_refused", user=user, **where, why=refused.why)
        data = {"slack_user": user, **where, "button": name, "why": refused.why}
        actor = Actor(kind=ActorKind.PERSON, id=person.id if person else f"slack:{user}", door="slack")
        key = f"click/{hashlib.sha256(json.dumps([*data.values(), *what]).encode()).hexdigest()[:32]}"
        action = choice.action if choice is not None else None
        await self.ledger.append([entry(key, EntryKind.CLICK_REFUSED, datetime.now(UTC), actor, data, action=action)])

    def _opened(self, click: BlockActions) -> Choice:
        """Open the seal of the buttons' block; every button but the menu carries the same."""
        sealed = sealed_in(click.button.block_id)
        if click.button.action_id != MORE and click.button.value != sealed:
            raise InvalidRequest("the button carries another choice than its card")
        return self.seal.opened(sealed)

    async def _misplaced(self, click: BlockActions, choice: Choice) -> RefusedClick | None:
        """Refuse a button that was moved to another channel or Home, or stands on another message than the card."""
        if choice.channel != click.place or (click.view is not None and click.view.type != "home"):
            return RefusedClick("sealed_for_another_channel", _FORGED)
        if click.view is None and not await self._is_noted(click, choice):
            return RefusedClick("not_the_noted_card", _NOT_THE_CARD)
        return None

    async def _is_noted(self, click: BlockActions, choice: Choice) -> bool:
        """Whether Remit put these buttons on that message; one that is just being posted gets a moment to be noted."""
        for _ in range(_LOOKS):
            notices = await self.notices.of_action(choice.action, NAME)
            noted = {notice.reference for notice in notices if notice.target in with_buttons(choice.channel)}
            if click.ts in noted:
                return True
            if "" not in noted:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return False
