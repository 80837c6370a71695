"""How hard a text reads: the Flesch-Kincaid grade level.

    0.39 * words / sentences + 11.8 * syllables / words - 15.59

J. P. Kincaid, R. P. Fishburne, R. L. Rogers and B. S. Chissom, "Derivation of New Readability Formulas for Navy
Enlisted Personnel", Research Branch Report 8-75, 1975. The result is a school grade of the United States. The formula
is made for English; syllables are counted as groups of vowels, without a silent `e` at the end, at least one a word.
"""

import re

LEAST_WORDS = 30
"""Texts of fewer words are not graded: one long word would decide."""

_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?][\"')\]\u201d]?(?=\s|$)|\n\n")
_VOWELS = re.compile(r"[aeiouy\u00e0-\u00ff]+")
_SILENT = re.compile(r"(?<=[^aeiouyl\W])e$|(?<=[aeiouy])le$")


def reading_grade(text: str) -> float:
    """Return the grade, 0 for texts that are too short to have one."""
    words = _WORD.findall(text.lower().replace("'", "").replace("\u2019", ""))
    if len(words) < LEAST_WORDS:
        return 0.0
    sentences = max(1, len(_SENTENCE_END.findall(text.strip())))
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _syllables(word: str) -> int:
    return max(1, len(_VOWELS.findall(word)) - bool(_SILENT.search(word)))
