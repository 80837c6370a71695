"""How hard a text reads: the Flesch-Kincaid grade level.

    0.39 * words / sentences + 11.8 * syllables / words - 15.59

J. P. Kincaid, R. P. Fishburne, R. L. Rogers and B. S. Chissom, "Derivation of New Readability Formulas for Navy
Enlisted Personnel", Research Branch Report 8-75, 1975. The result is a school grade of the United States. The formula
is made for English; syllables are counted as groups of vowels, without a silent `e` at the end, at least one a word.
"""

import re
from functools import lru_cache

LEAST_WORDS = 30
"""Texts of fewer words are not graded: one long word would decide."""

_SENTENCE_END = re.compile(r"[.!?][\"')\]\u201d]?(?=\s|$)|\n\n")
_NO_LETTER = re.compile(r"[\W\d_]+")
_VOWELS = re.compile(r"[aeiouy\u00e0-\u00ff]+")
_SILENT = re.compile(r"(?<=[^aeiouyl\W])e$|(?<=[aeiouy])le$")
_LONG_WORD = 24  # no word of a language needs more to be a hard one


def reading_grade(text: str) -> float:
    """Return the grade, 0 for texts that are too short to have one."""
    counts = [syllables for word in text.lower().split() if (syllables := _syllables(word[:_LONG_WORD]))]
    if len(counts) < LEAST_WORDS:
        return 0.0
    sentences = max(1, len(_SENTENCE_END.findall(text.strip())))
    return 0.39 * len(counts) / sentences + 11.8 * sum(counts) / len(counts) - 15.59


@lru_cache(maxsize=20_000)
def _syllables(word: str) -> int:
    """Return how many syllables a word has; what has no letters has none."""
    letters = _NO_LETTER.sub("", word)
    return max(1, len(_VOWELS.findall(letters)) - bool(_SILENT.search(letters))) if letters else 0
