"""Which columns could be the target: by what they are called, and by what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from autosft.errors import BadInput
from autosft.tables.columns import Profile, label_of, profile, words_of
from autosft.tables.table import Table

_FIRST = frozenset({"label", "labels", "target", "targets", "class", "classes", "y", "gold", "truth"})

# fmt: off
_SECOND = frozenset({
    "category", "categories", "sentiment", "sentiments", "emotion", "emotions", "intent", "intents", "topic", "topics",
    "genre", "genres", "tag", "tags", "polarity", "stance", "rating", "ratings", "score", "scores", "stars", "grade",
    "species", "diagnosis", "outcome", "toxicity", "toxic", "spam",
})
# fmt: on

_ENDINGS = frozenset({"id", "ids", "name", "names", "text", "str", "idx", "index", "code", "num"})
"""What follows a target's name in the name of a column that says the same."""

_NO_TARGETS = frozenset(
    {"id", "ids", "idx", "index", "uuid", "guid", "path", "file", "filename", "url", "date", "time"}
)


def choose(table: Table, exclude: Collection[str]) -> tuple[tuple[str, ...], str]:
    """The columns that are the target, and why.

    Args:
        table: The table.
        exclude: Columns that are something else.

    Raises:
        BadInput: No column, or more than one, could be it.
    """
    open_ = {name: profile(cells) for name, cells in table.columns.items() if name not in exclude}
    usable = {name: one for name, one in open_.items() if _usable(one, table)}
    ranks = {name: rank for name in usable if (rank := _rank(name)) is not None}
    if ranks:
        best = [name for name, rank in ranks.items() if rank == min(ranks.values())]
        return (_one_of(best, usable, table),), "its name"
    few = {name: one for name, one in usable.items() if not _NO_TARGETS & set(words_of(name)) and not one.long}
    indicators = tuple(name for name, one in few.items() if one.kind == "indicator")
    if len(indicators) > 1 and len(indicators) == len(few):
        return indicators, "columns of 0 and 1"
    classes = [name for name, one in few.items() if one.few and one.kind != "real"]
    if classes:
        return (_one_of(classes, usable, table),), "the column of few different cells"
    numbers = [name for name, one in few.items() if one.is_number]
    if numbers:
        return (_one_of(numbers, usable, table),), "the column of numbers"
    raise BadInput(f"No column looks like a target. {listing(table)} Name the target with --target NAME.")


def listing(table: Table) -> str:
    """The columns that there are, in a sentence."""
    names = list(table.columns)
    return f"Columns: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}."


def _usable(seen: Profile, table: Table) -> bool:
    if seen.kind in ("empty", "other") or (seen.distinct < 2 and table.complete):
        return False
    return seen.kind == "list" or seen.is_number or 2 * seen.distinct <= seen.filled


def _rank(name: str) -> int | None:
    """How well a name says that its column is the target, 0 is best; None if it does not."""
    words = words_of(name)
    core = words[:-1] if len(words) > 1 and words[-1] in _ENDINGS else words
    for rank, group in enumerate((_FIRST, _SECOND)):
        if len(core) == 1 and core[0] in group:
            return 2 * rank
        if core and (core[-1] in group or (core[0] == "is" and rank)):
            return 2 * rank + 1
    return None


def _one_of(names: list[str], profiles: Mapping[str, Profile], table: Table) -> str:
    """The only one, or the one in texts where all say the same.

    Raises:
        BadInput: They differ, so that which one is meant cannot be told.
    """
    if len(names) == 1:
        return names[0]
    if all(_same(table, names[0], other) for other in names[1:]):
        return next((name for name in names if profiles[name].kind == "text"), names[0])
    shown = ", ".join(map(repr, names[:8])) + (" …" if len(names) > 8 else "")
    raise BadInput(f"{len(names)} columns could be the target: {shown}. Say which with --target NAME.")


def _same(table: Table, one: str, other: str) -> bool:
    """Whether two columns name the same classes in different words."""
    pairs = {(label_of(a), label_of(b)) for a, b in zip(table.columns[one], table.columns[other], strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
