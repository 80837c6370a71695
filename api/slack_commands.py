"""What people type in Slack: `/remit`, answered to them alone."""

from api.slack_answers import Ack, SlackParts, answer
from api.slack_payloads import SlashCommand

_HELP = (
    "Remit asks people before agents act. You decide with the buttons of a card, or on the review page that each card "
    "links to. /remit help shows this."
)


async def remit_typed(parts: SlackParts, command: SlashCommand) -> Ack:
    """Answer `/remit`, whose first word says what is wanted."""
    word = command.text.split(maxsplit=1)[0].lower() if command.text.strip() else "help"
    if word == "help":
        return answer(command, _HELP)
    return answer(command, f"There is no /remit {word[:50]}. {_HELP}")
