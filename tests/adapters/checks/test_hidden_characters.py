"""`hidden_characters`: what people do not see or take for something else is found; scripts and emoji are left alone."""

import pytest

from tests.adapters.checks.contents import ORDINARY_MAIL, kinds

FOUND = [
    ("invoice\u202efdp.exe", ["bidi"]),
    ("a \u2066isolate\u2069", ["bidi"]),
    ("a mark\u200f in Latin text", ["bidi"]),
    ("pay\u200bpal", ["zero_width"]),
    ("pay\u2060pal", ["zero_width"]),
    ("middle\ufeffmark", ["zero_width"]),
    ("join\u200ded", ["zero_width"]),
    ("fill\u3164er", ["zero_width"]),
    ("text\U000e0073\U000e0065\U000e006e\U000e0064", ["tag_characters"]),
    ("smile\U0001f600\U000e0100\U000e0101\U000e0102", ["variation_selectors"]),
    ("bell\x07", ["control"]),
    ("\x1b[31mred", ["control"]),
    ("old\x85line", ["control"]),
    ("pаypal", ["mixed_script"]),
    ("Αpple", ["mixed_script"]),
    ("see https://аррӏе.com/login", ["homoglyph_domain"]),
    ("see xn--80ak6aa92e.com", ["homoglyph_domain"]),
    ("see pаypal.com", ["homoglyph_domain", "mixed_script"]),
]
CLEAR = [
    ORDINARY_MAIL,
    "tabs\tand\r\nlines",
    "\ufeffstarts with a byte order mark",
    "“Größe” – naïve café, señor, Łódź, 5 µm, 20 °C, №5, €10",
    "TNFα and β-blockers, Δt, λ = 5, Ω",
    "Привет, как дела? Пример: пример.рф",
    "Γειά σου Κόσμε",
    "日本語テキスト、Tシャツ",
    "שלום \u200fעולם\u200e 5",
    "می\u200cخواهم",
    "क्\u200dष",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3 \U0001f44d\U0001f3fd",
    "Wales \U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "münchen.de and xn--mnchen-3ya.de",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
async def test_deceiving_characters_are_found(text: str, expected: list[str]) -> None:
    assert await kinds("hidden_characters", text) == expected


@pytest.mark.parametrize("text", CLEAR)
async def test_characters_that_belong_are_left_alone(text: str) -> None:
    assert await kinds("hidden_characters", text) == []
