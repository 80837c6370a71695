"""The Home of a person in Slack: their queue, what they decided last, and their absence, read anew each time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.notifiers.slack.buttons import Place
from adapters.notifiers.slack.forms import View
from adapters.notifiers.slack.home import DECIDED, PAGE, HomePage, Waiting, closed_home, home_view
from adapters.notifiers.slack.standing import name_of
from adapters.notifiers.slack.text import moment
from api.connections import Connections
from api.review_groups import grouped
from api.review_inbox import Row, rows_of
from api.review_view import why_no_approval
from api.slack_answers import Ack, Home, SlackParts
from api.slack_payloads import AppHomeOpened, BlockActions
from api.slack_views import page_number
from domain.authority import absences, stand_in
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord

MOST_READ = 200
_STRANGER = (
    "You are not in Remit's catalog, so nothing can wait for you. Ask its admin to add your Slack user id ({user})."
)
_AWAY = "`/remit absent until 2026-12-24 delegate NAME` says that you are away, and who decides in your place."


@dataclass(frozen=True)
class Reading:
    """Whose queue is read, and by which policy."""

    person: Person
    policy: Policy


async def home_opened(parts: SlackParts, opened: AppHomeOpened) -> Ack:
    """Draw the Home of whoever opened it."""
    return Ack(home=Home(opened.user)) if opened.tab == "home" else Ack()


async def page_turned(parts: SlackParts, click: BlockActions) -> Ack:
    """Draw another page."""
    return Ack(home=Home(click.user.id, page_number(click.button.value))) if click.view is not None else Ack()


async def home_view_of(parts: SlackParts, home: Home) -> View:
    """Return what a person's Home shows now. Raises Unavailable."""
    person, policy = await parts.person(home.user), await parts.policies.current()
    if person is None:
        return closed_home(_STRANGER.format(user=home.user))
    if (refused := await parts.objection(home.user)) is not None:
        return closed_home(refused.told)
    place, public_url = Place(home.user, parts.clicks.seal), str(parts.doors.settings.public_url)
    now = datetime.now(UTC)
    rows = [row for row in await queue_of(parts.doors, person, policy, now) if row.record.action.id != home.decided]
    ordered = [row for group in grouped(rows) for row in group.rows]
    page = min(home.page, max(0, (len(ordered) - 1) // PAGE))
    waiting = [
        Waiting(row.record, row.reasons, why_no_approval(row.record, person, policy, now))
        for row in ordered[page * PAGE : (page + 1) * PAGE]
    ]
    decided = [
        (record, _decision(record, person)) for record in await parts.doors.actions.decided_by(person.id, DECIDED)
    ]
    shown = HomePage(waiting, len(ordered), decided, absence_of(person, policy, now), page, home.said)
    return home_view(shown, policy, public_url, place)


async def queue_of(doors: Connections, person: Person, policy: Policy, now: datetime) -> list[Row]:
    """Return what a person may decide now, the soonest deadline first. Raises Unavailable."""
    groups = [
        group.id
        for group in policy.groups.values()
        if person.id in group.members or any(stand_in(name, policy, (), now) == person.id for name in group.members)
    ]
    represented = [name for name in policy.people if stand_in(name, policy, (), now) == person.id]
    records = await doors.actions.waiting_for(groups, [person.id, *represented], MOST_READ)
    return [row for row in rows_of(records, Reading(person, policy), now) if row.why_not is None]


def absence_of(person: Person, policy: Policy, now: datetime) -> str:
    """Say whether a person is away, until when, and who decides in their place."""
    away = absences(person, now)
    if not away:
        return f"You are not away. {_AWAY}"
    until = max(absence.last_day for absence in away)
    delegate = stand_in(person.id, policy, (), now)
    who = f"{name_of(delegate, policy)} decides in your place" if delegate else "nobody decides in your place"
    return f"You are away until {until.isoformat()}, that day included; {who}. `/remit absent off` ends it."


def _decision(record: ActionRecord, person: Person) -> str:
    votes = [vote for vote in record.approval.votes if vote.person == person.id] if record.approval else []
    said = f"you voted to {votes[-1].decision.value} it {moment(votes[-1].at)}" if votes else "you voted on it"
    return f"{said} · now {record.state.value.replace('_', ' ')}"
