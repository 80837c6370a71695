"""What people type in Slack: `/remit`, answered to them alone. Every mistake is answered with what to type instead."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from adapters.notifiers.slack.buttons import Place
from adapters.notifiers.slack.cards import card, review_link
from adapters.notifiers.slack.home import summary
from adapters.notifiers.slack.text import Block, mrkdwn, prose, section
from api.review_view import is_asked
from api.slack_answers import Ack, SlackParts, answer
from api.slack_home import absence_of, queue_of
from api.slack_payloads import SlashCommand
from domain.absences import declared_absence
from domain.catalog import Person, has_left
from domain.errors import InvalidRequest, NotFound
from domain.holds import HoldScope, check_subject
from domain.ledger import Actor, ActorKind
from domain.policy import Policy

SHOWN = 10
MAX_REASON = 2000
_HELP = """*What Remit understands:*
• `/remit pending`: what you may decide now
• `/remit show ID`: one request, if you are or were asked about it
• `/remit hold everything REASON`, `/remit hold agent ID REASON`, `/remit hold use_case ID REASON`, \
`/remit hold action_type ID REASON`: stop it at once, if the policy lets you
• `/remit absent until 2026-12-24 delegate NAME`: you are away, and NAME decides in your place
• `/remit absent off`: you are back
• `/remit help`: this
You decide with the buttons of a card, on Remit's Home here, or on the review page that each card links to."""
_STRANGER = "You are not in Remit's catalog. Ask its admin to add your Slack user id ({user})."
_SHOW = "Type `/remit show ID` with the 32 characters that a card has at its end after the word action."
_HOLD = (
    "Type `/remit hold everything REASON`, or `/remit hold agent ID REASON`; in the place of agent there may be "
    "use_case or action_type."
)
_ABSENT = "Type `/remit absent until 2026-12-24 delegate NAME`, or `/remit absent off`."
_ID = re.compile(r"[0-9a-f]{32}")
_UNTIL = re.compile(r"until\s+(\S+)(?:\s+delegate\s+(.+))?", re.IGNORECASE)
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


@dataclass(frozen=True)
class Typed:
    """A command of a person of the catalog, without its first word."""

    parts: SlackParts
    command: SlashCommand
    person: Person
    policy: Policy
    rest: str

    @property
    def public_url(self) -> str:
        """Where the review page is."""
        return str(self.parts.doors.settings.public_url)

    @property
    def actor(self) -> Actor:
        """Who the ledger says it was."""
        return Actor(kind=ActorKind.PERSON, id=self.person.id, door="slack")

    def says(self, text: str, blocks: list[Block] | None = None) -> Ack:
        """Answer in Slack's own markup: what others wrote in it must be escaped."""
        body = {"response_type": "ephemeral", "text": text, "blocks": blocks or [section(text)]}
        return Ack(body=body)


async def remit_typed(parts: SlackParts, command: SlashCommand) -> Ack:
    """Answer `/remit`, whose first word says what is wanted."""
    word, _, rest = command.text.strip().partition(" ")
    word = word.lower() or "help"
    if word == "help":
        return _told(_HELP)
    if (asked := _WORDS.get(word)) is None:
        return _told(f"There is no /remit {prose(word[:50])}.\n{_HELP}")
    person = await parts.person(command.user_id)
    if person is None:
        return answer(command, _STRANGER.format(user=command.user_id))
    if (refused := await parts.objection(command.user_id)) is not None:
        return answer(command, refused.told)
    return await asked(Typed(parts, command, person, await parts.policies.current(), rest.strip()))


async def _pending(typed: Typed) -> Ack:
    rows = await queue_of(typed.parts.doors, typed.person, typed.policy, datetime.now(UTC))
    if not rows:
        return typed.says("Nothing waits for you.")
    title = f"*You may decide {len(rows)} request{'s' * (len(rows) != 1)}*, the soonest deadline first:"
    blocks = [section(title)]
    for row in rows[:SHOWN]:
        link = review_link(typed.public_url, row.record.action.id)
        line = f"{summary(row.record, typed.policy, link)}\n`{row.record.action.id}`"
        blocks.append(section(line))
    if len(rows) > SHOWN:
        page = f"<{typed.public_url.rstrip('/')}/review|the review page>"
        more = f"... and {len(rows) - SHOWN} more, on Remit's Home here and on {page}"
        blocks.append({"type": "context", "elements": [mrkdwn(more)]})
    return typed.says(f"You may decide {len(rows)} requests", blocks)


async def _show(typed: Typed) -> Ack:
    wanted = typed.rest.strip("`").lower()
    if not _ID.fullmatch(wanted):
        return typed.says(_SHOW)
    try:
        record = await typed.parts.doors.actions.get(wanted)
    except NotFound:
        record = None
    now = datetime.now(UTC)
    # Whether there is such an action is told only to those who may see it.
    if record is None or record.approval is None or not is_asked(record.approval, typed.person, typed.policy, now):
        return typed.says(f"You were asked about no request `{wanted}`. {_SHOW}")
    place = Place(typed.command.user_id, typed.parts.clicks.seal)
    drawn = card(record, typed.policy, typed.public_url, place)
    return typed.says(drawn.text, [block for block in drawn.blocks if block["type"] != "actions"])


async def _hold(typed: Typed) -> Ack:
    group = typed.policy.groups.get(typed.policy.bundle.hold_group or "")
    now = datetime.now(UTC)
    if group is None:
        return typed.says(
            "The policy lets nobody place holds from Slack: it names no `hold_group`. An admin does it with "
            "`remit hold everything --reason REASON`, or over the API."
        )
    if typed.person.id not in group.members or has_left(typed.person, now):
        return typed.says(
            f"Only people of the group `{group.id}` may place holds from Slack. Ask one of them, or an admin."
        )
    wanted = _hold_of(typed.rest)
    if wanted is None:
        return typed.says(_HOLD)
    scope, subject, reason = wanted
    try:
        check_subject(scope, subject, typed.policy.bundle)
    except InvalidRequest as problem:
        return typed.says(f"{prose(str(problem))}. {_HOLD}")
    holds = typed.parts.doors.holds
    hold, fresh = await holds.place(scope, subject, reason, typed.actor)
    under_way = await holds.under_way(hold, timedelta(0))
    said = "is on now" if fresh else f"was on already, placed by {prose(hold.placed_by)}"
    began = f" {len(under_way)} that began before may still end." if under_way else ""
    lift = f"An admin lifts it: `remit release {hold.id} --reason WHY`."
    return typed.says(f"The hold `{hold.id}` on {prose(hold.over)} {said}: nothing begins there.{began} {lift}")


async def _absent(typed: Typed) -> Ack:
    now, absences = datetime.now(UTC), typed.parts.doors.absences
    if typed.rest.lower() == "off":
        ended = await absences.end(typed.actor, now)
        return typed.says("You are back." if ended else "You had not said that you are away. " + _ABSENT)
    found = _UNTIL.fullmatch(typed.rest)
    if found is None:
        return typed.says(_ABSENT)
    try:
        until = date.fromisoformat(found[1])
        named = _MENTION.sub(r"\1", found[2] or "")
        absence = declared_absence(typed.person, typed.policy.people.values(), until, named, now)
    except ValueError:
        return typed.says(f"'{prose(found[1][:40])}' is not a day; write it like 2026-12-24. {_ABSENT}")
    except InvalidRequest as problem:
        return typed.says(f"{prose(str(problem))}. {_ABSENT}")
    await absences.declare(absence, typed.actor, now)
    away = typed.policy.with_absences({typed.person.id: absence})
    return typed.says(absence_of(away.people[typed.person.id], away, now))


def _hold_of(text: str) -> tuple[HoldScope, str | None, str] | None:
    """Return the scope, the subject and the reason that were typed; None where one of them is missing."""
    first, _, rest = text.partition(" ")
    if first.lower() not in set(HoldScope):
        return None
    scope, subject = HoldScope(first.lower()), None
    if scope is not HoldScope.EVERYTHING:
        subject, _, rest = rest.strip().partition(" ")
    reason = rest.strip()
    return (scope, subject, reason) if reason and len(reason) <= MAX_REASON and subject != "" else None


def _told(text: str) -> Ack:
    return Ack(body={"response_type": "ephemeral", "text": text})


_WORDS: Mapping[str, Callable[[Typed], Awaitable[Ack]]] = {
    "pending": _pending,
    "show": _show,
    "hold": _hold,
    "absent": _absent,
}
