"""Which columns could be the target: by what they are called, and by what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from autosft.errors import BadInput
from autosft.tables.columns import Profile, label_of, profile, texts_of, words_of
from autosft.tables.joined import find_separator
from autosft.tables.table import Table

_PLAIN = frozenset({"label", "labels", "target", "targets", "class", "classes", "y", "gold", "truth"})

# fmt: off
_SPEAKING = frozenset({
    "category", "categories", "sentiment", "sentiments", "emotion", "emotions", "intent", "intents", "topic", "topics",
    "genre", "genres", "tag", "tags", "polarity", "stance", "rating", "ratings", "score", "scores", "stars", "grade",
    "species", "diagnosis", "outcome", "toxicity",
})

_ENDINGS = frozenset({"id", "ids", "name", "names", "text", "str", "idx", "index", "code", "num"})
"""What follows a target's name in the name of a column that says the same."""

_NO_TARGETS = frozenset({
    "id", "ids", "idx", "index", "uuid", "guid", "path", "file", "filename", "url", "date", "time", "timestamp",
})
# fmt: on

_PLAIN_RANKS = 2
"""Ranks below this one are those of plain names."""


def choose(table: Table, exclude: Collection[str], problem: str) -> tuple[dict[str, Profile], str]:
    """The columns that are the target, and why.

    Args:
        table: The table.
        exclude: Columns that are something else.
        problem: What the user calls the problem; empty if unknown.

    Raises:
        BadInput: No column, or more than one, could be it.
    """
    seen = {name: profile(cells) for name, cells in table.columns.items() if name not in exclude}
    ranks = {name: rank for name in seen if (rank := _rank(name)) is not None}
    fit = {name: one for name, one in seen.items() if _fits(one, problem)}
    fit |= {name: seen[name] for name in ranks if _is_joined(table, name, seen[name], sure=problem == "multilabel")}
    named = {name: fit[name] for name in ranks if name in fit}
    best = [name for name in named if ranks[name] == min(map(ranks.__getitem__, named))]
    plain = [name for name, rank in ranks.items() if rank < _PLAIN_RANKS]
    if plain and not (best and best[0] in plain):  # to be refused with what is wrong with it
        return {plain[0]: seen[plain[0]]}, "by its name"
    others = {name: one for name, one in fit.items() if _could_be(name, one)}
    if (
        not plain
        and problem in ("", "multilabel")
        and len(others) > 1
        and all(one.indicator for one in others.values())
    ):
        return others, "columns of yes and no"
    return _one_of(best, named, table, "by its name") if best else _by_cells(others, table, problem)


def _by_cells(others: Mapping[str, Profile], table: Table, problem: str) -> tuple[dict[str, Profile], str]:
    """The one column that holds classes, or else numbers."""
    classes = {name: one for name, one in others.items() if one.few and (one.whole or one.kind != "number")}
    if classes and problem != "regression":
        return _one_of(list(classes), classes, table, "the one column of few different values")
    if numbers := {name: one for name, one in others.items() if one.kind == "number"}:
        return _one_of(list(numbers), numbers, table, "the one column of numbers")
    raise BadInput(f"No column looks like a target; name one with --target NAME. {listing(table)}")


def listing(table: Table) -> str:
    """The columns that there are, in a sentence."""
    names = list(table.columns)
    return f"Columns: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}."


def _fits(seen: Profile, problem: str) -> bool:
    """Whether the problem, or some problem, can be learned from such a column."""
    if seen.kind in ("empty", "other") or seen.distinct < 2:
        return False
    if problem == "regression":
        return seen.kind == "number"
    if seen.kind == "text":
        return 2 * seen.distinct <= seen.filled and not seen.long
    return seen.kind != {"classification": "list", "multilabel": "number"}.get(problem) or seen.indicator


def _is_joined(table: Table, name: str, seen: Profile, *, sure: bool) -> bool:
    """Whether cells of which hardly two are the same are so because they are sets of labels."""
    return seen.kind == "text" and not seen.long and bool(find_separator(texts_of(table.columns[name]), sure=sure))


def _could_be(name: str, seen: Profile) -> bool:
    """Whether a column whose name says nothing of a target may be one nevertheless."""
    return not (_NO_TARGETS & set(words_of(name)) or seen.running)


def _rank(name: str) -> int | None:
    """How well a name says that its column is the target, 0 is best; None if it does not."""
    words = words_of(name)
    core = words[:-1] if len(words) > 1 and words[-1] in _ENDINGS else words
    for rank, names in ((0, _PLAIN), (_PLAIN_RANKS, _SPEAKING)):
        if core and core[-1] in names:
            return rank + (len(core) > 1)
        if core and core[0] in names and names is _PLAIN:
            return rank + 1
    return _PLAIN_RANKS + 2 if core[:1] in (("is",), ("has",)) else None


def _one_of(
    names: list[str], profiles: Mapping[str, Profile], table: Table, why: str
) -> tuple[dict[str, Profile], str]:
    """The only one; where several say the same in other words, the one in texts.

    Args:
        names: The columns that speak best for themselves.
        profiles: These, and others that may say the same as they.
        table: The table.
        why: What speaks for them.

    Raises:
        BadInput: They differ, so that which one is meant cannot be told.
    """
    first = names[0]
    if any(not (profiles[other].few and _same(table, first, other)) for other in names[1:]):
        shown = ", ".join(map(repr, names[:8])) + (" …" if len(names) > 8 else "")
        raise BadInput(f"{len(names)} columns could be the target: {shown}. Say which with --target NAME.")
    if profiles[first].kind == "number" and profiles[first].few:
        for name, one in profiles.items():
            if one.kind == "text" and one.few and _same(table, first, name):
                return {name: one}, f"{why}; column {first!r} says the same in numbers"
    return {first: profiles[first]}, why


def _same(table: Table, one: str, other: str) -> bool:
    """Whether two columns name the same classes in other words."""
    pairs = {(label_of(a), label_of(b)) for a, b in zip(table.columns[one], table.columns[other], strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
