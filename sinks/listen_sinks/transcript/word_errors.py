"""How far a transcript is from what was said: the word error rate, as NIST's sclite counts it.

Substitutions, deletions and insertions of the shortest edit (Levenshtein 1966, by dynamic
programming: Wagner and Fischer 1974), over the number of words that were said.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_NO_WORD: Final = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class WordErrors:
    """What an edit from what was said to what was understood takes."""

    said: int  # words
    substituted: int
    deleted: int
    inserted: int

    @property
    def rate(self) -> float:
        """Errors per word that was said; 1.0 and more is possible. 0.0 of nothing said."""
        errors = self.substituted + self.deleted + self.inserted
        return errors / self.said if self.said else float(bool(errors))


def word_errors(said: str, understood: str) -> WordErrors:
    """Compare words: case, punctuation and the form of apostrophes do not count, digits do."""
    reference, found = words_of(said), words_of(understood)
    # (errors, substituted, deleted, inserted) from the first words of one to those of the other
    row = [(n, 0, 0, n) for n in range(len(found) + 1)]
    for number, wanted in enumerate(reference, 1):
        above, row = row, [(number, 0, number, 0)]
        for place, got in enumerate(found, 1):
            if wanted == got:
                row.append(above[place - 1])
                continue
            e, s, d, i = above[place - 1]
            substituted = (e + 1, s + 1, d, i)
            e, s, d, i = above[place]
            deleted = (e + 1, s, d + 1, i)
            e, s, d, i = row[place - 1]
            inserted = (e + 1, s, d, i + 1)
            row.append(min(substituted, deleted, inserted))
    _, substitutions, deletions, insertions = row[-1]
    return WordErrors(len(reference), substitutions, deletions, insertions)


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    found = (word.strip("'") for word in _NO_WORD.split(plain.casefold()))
    return [word for word in found if word]
