"""The letters that the outreach agent wants to send today: two good ones, and one that promises too much."""

from examples.marketing.task import Task

DISCLOSURE = "This message was written with the help of an AI system."
OPT_OUT = "To get no more messages from us, reply with the word unsubscribe."


def _letter(*paragraphs: str) -> str:
    return "\n\n".join([*paragraphs, "Kind regards\nNorthwind Instruments", DISCLOSURE, OPT_OUT]) + "\n"


LETTERS = (
    Task(
        name="write-to-a-lead",
        agent="outreach-writer",
        use_case="outreach",
        action_type="outreach.send",
        arguments={
            "lead_id": "L-20417",
            "market": "eu",
            "to": "ida.holm@brightforge.example",
            "subject": "Calibration intervals of your pH sensors",
            "body": _letter(
                "Dear Ida Holm,",
                "you asked how often our PH-200 needs calibration. In the three laboratories that use it longest "
                "it is every six weeks. May I send you their reports?",
            ),
        },
        context={
            "prompt": "Answer Ida's question and offer the reports.",
            "reasoning": "She asked on the trade fair; the reports answer her question best.",
            "on_behalf_of": "erik@northwind.example",
            "region": "eu",
        },
        tier="medium",
        route="ask",
        state="succeeded",
    ),
    Task(
        name="write-to-a-lead-abroad",
        agent="outreach-writer",
        use_case="outreach",
        action_type="outreach.send",
        arguments={
            "lead_id": "L-20533",
            "market": "uk",
            "to": "t.greaves@tidewater-foods.example",
            "subject": "Your request for a humidity probe",
            "body": _letter(
                "Dear Tom Greaves,",
                "thank you for your request. The HU-050 covers the range you named; the data sheet is on our site.",
            ),
        },
        context={"prompt": "Answer the web form.", "region": "uk"},
        tier="medium",
        route="ask",
        state="succeeded",
    ),
    Task(
        name="promise-too-much",
        agent="outreach-writer",
        use_case="outreach",
        action_type="outreach.send",
        arguments={
            "lead_id": "L-20588",
            "market": "eu",
            "to": "m.keller@caldera-labs.example",
            "subject": "Never calibrate again",
            "body": _letter(
                "Dear Martin Keller,",
                "with the PH-200 your measurements are guaranteed to be right, whatever you measure.",
            ),
        },
        context={"prompt": "Win this lead back.", "output": "A bold promise works best here.", "region": "eu"},
        tier="high",
        route="ask",
        state="rejected",
    ),
)
