"""Settings: parameters that a user fixes or narrows, as texts such as `"fixmatch.threshold=0.8"`.

`parse_settings` takes texts apart, `narrowed` applies one to a parameter of a declared space. Which parts and
parameters there are is not known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from autosft.contracts.recipe import SHARED
from autosft.contracts.space import Choice, Float, Int, Parameter, Value, range_of, written
from autosft.errors import BadInput, UnknownName

RANGE = ".."
"""Stands between the ends of a range."""

SHORT: Mapping[str, str] = {name.partition(".")[2]: name for name in SHARED}
"""The shared fields of recipes by their own names: `"lr"` is `"optim.lr"`."""


def parse_settings(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Take settings apart.

    Args:
        texts: Each `"part.parameter=value"`, or for a field that all strategies share `"parameter=value"`, such as
            `"lr=1e-4"`. A value may be a range, `"1e-5..1e-3"`, or a list, `"16,32"`.

    Returns:
        For each part the values of its parameters, as written. Shared fields are under `"optim"`, `"regular"` and
        `"stop"`, as in a recipe. The part is all that stands before the last dot.

    Raises:
        BadInput: A text has no name or no value, or a parameter is set twice.
        UnknownName: A name without a part is no shared field.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        given, equals, value = (piece.strip() for piece in text.partition("="))
        if not (given and equals and value):
            raise BadInput(
                f"Setting {text!r} is not PART.PARAMETER=VALUE, such as classification.loss=focal or lr=1e-4."
            )
        name = given if "." in given else SHORT.get(given)
        if name is None:
            raise UnknownName("parameter", given, SHORT, "Those of a part are set as PART.PARAMETER=VALUE.")
        part, _, parameter = name.rpartition(".")
        if parameter in found.setdefault(part, {}):
            raise BadInput(f"Setting {text!r}: {name} is set twice; give several values as a list or a range.")
        found[part][parameter] = value
    return found


def texts_of(settings: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Settings as texts.

    Args:
        settings: Values by names, such as `{"fixmatch.threshold": 0.8, "batch_size": [16, 32]}`: texts as on the
            command line, numbers, or sequences of them. Or texts, which stay as they are.
    """
    if isinstance(settings, Mapping):
        return [f"{name}={_text_of(value)}" for name, value in settings.items()]
    return [settings] if isinstance(settings, str) else list(settings)


def words_of(settings: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Settings as texts again, sorted."""
    return sorted(f"{part}.{name}={value}" for part, values in settings.items() for name, value in values.items())


def narrowed(parameter: Parameter, text: str) -> Parameter:
    """What a setting leaves of a parameter: what both allow; or, where that is nothing, what the setting says. The
    default is the parameter's own if it is left, else the nearest of a range, or the first of a list.

    Raises:
        BadInput: A value is of another type.
    """
    values, is_range = _values(parameter, text)
    if not is_range:
        kept = [value for value in values if parameter.holds(value)] or list(values)
        if len(kept) > 1 or isinstance(parameter, Choice):
            ordered = sorted(kept, key=lambda value: value != parameter.default)
            return Choice(tuple(ordered), doc=parameter.doc)
        return _between(parameter, kept[0], kept[0])
    low, high = values
    if isinstance(parameter, Choice):
        numbers = (one for one in parameter.options if not isinstance(one, str) and float(low) <= one <= float(high))
        return Choice(tuple(numbers) or tuple(dict.fromkeys(values)), doc=parameter.doc)
    if high < parameter.low or low > parameter.high:  # pyright: ignore[reportOperatorIssue]
        return _between(parameter, low, high)
    return _between(parameter, max(cast("float", low), parameter.low), min(cast("float", high), parameter.high))


def check_setting(name: str, text: str, declared: Sequence[Parameter]) -> None:
    """See that every value of a setting is of the right type, and in what one of the declared parameters allows.

    Args:
        name: What is set.
        text: Its value, as written.
        declared: The parameter, as each of those declares it that the setting is for.

    Raises:
        BadInput: One is not; says what is allowed.
    """
    skipped: list[str] = []
    for parameter in declared:
        try:
            values, _ = _values(parameter, text)
        except BadInput as error:
            skipped.append(str(error))
            continue
        out = [one for one in values if not any(other.holds(one) for other in declared)]
        if not out:
            return
        skipped.append(f"{written(out[0])} is out of range")
    allowed = " or ".join(dict.fromkeys(map(range_of, declared)))
    raise BadInput(f"Setting {name}={text}: {skipped[0]}. Allowed: {allowed}.")


def _values(parameter: Parameter, text: str) -> tuple[tuple[Value, ...], bool]:
    """The values in a text, and whether they are the two ends of a range."""
    if isinstance(parameter, Choice) and (whole := _option(parameter, text)) is not None:
        return (whole,), False
    ends = text.split(RANGE)
    if len(ends) == 2 and not (isinstance(parameter, Choice) and isinstance(parameter.default, str)):
        low, high = (_value(parameter, end) for end in ends)
        if not (isinstance(low, (int, float)) and isinstance(high, (int, float)) and low <= high):
            raise BadInput(f"{text} is no range from a lower to a higher number")
        return (low, high), True
    return tuple(dict.fromkeys(_value(parameter, one) for one in text.split(","))), False


def _value(parameter: Parameter, text: str) -> Value:
    """One value, of the parameter's type."""
    text = text.strip()
    if isinstance(parameter, Choice):
        if (found := _option(parameter, text)) is not None:
            return found
        if isinstance(parameter.default, (str, bool)):
            near = difflib.get_close_matches(text, map(written, parameter.options), n=1, cutoff=0.5)
            raise BadInput(f"{text!r} is no choice{f' (did you mean {near[0]!r}?)' if near else ''}")
        whole = all(isinstance(option, int) for option in parameter.options)
        return _number(text, Int(0, 0, 0) if whole else Float(0, 0, 0))
    return _number(text, parameter)


def _number(text: str, parameter: Float | Int) -> float | int:
    try:
        number = float(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no number") from error
    if isinstance(parameter, Float):
        return number
    if not number.is_integer():
        raise BadInput(f"{text} is no whole number")
    return int(number)


def _option(parameter: Choice, text: str) -> Value | None:
    """The option that a text stands for: as it is written, or the same number."""
    for option in parameter.options:
        if text == written(option) or (isinstance(option, bool) and text.lower() == written(option)):
            return option
        if isinstance(option, (int, float)) and not isinstance(option, bool):
            try:
                if float(text) == option:
                    return option
            except ValueError:
                continue
    return None


def _between(parameter: Float | Int, low: Value, high: Value) -> Float | Int:
    """The parameter with other ends; the default moves as little as it must."""
    low, high = cast("int", low), cast("int", high)
    log = parameter.log and low > 0
    return replace(parameter, low=low, high=high, default=min(max(parameter.default, low), high), log=log)


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ",".join(map(_text_of, cast("Sequence[Any]", value)))
    return repr(value) if isinstance(value, float) else written(value)
