"""Which languages texts are in. Knows no backbone; imports its library when it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

LOOKED_AT, CHARACTERS = 300, 1000
"""So many texts, and so many characters of each, are looked at."""

LEAST_LETTERS = 12
"""A text with fewer letters says little of its language."""

LEAST_FRACTION = 0.1
"""A language of fewer of the texts is taken for an error."""


def languages_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The languages of texts as ISO 639 codes, that of most of them first; none if there are too few letters to tell.

    Texts are taken at even distances. Each is told by langid (Lui and Baldwin, 2012).
    """
    from py3langid import classify

    step = max(1, len(texts) // LOOKED_AT)
    told = [text[:CHARACTERS] for text in texts[::step] if sum(map(str.isalpha, text[:CHARACTERS])) >= LEAST_LETTERS]
    counts = Counter(classify(text)[0] for text in told)
    return tuple(name for name, count in counts.most_common() if count >= LEAST_FRACTION * len(told))


def language_of_words(words: Iterable[str]) -> tuple[str, ...]:
    """The language that words are from, which stand alone; none if that cannot be told."""
    return languages_of([" ".join(words)])
