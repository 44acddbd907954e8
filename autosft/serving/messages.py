"""What clients send and what they get, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class File(BaseModel):
    """A file in JSON: its content in base64. The name's ending says what it is."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="file", max_length=255)
    base64: str


class Question(BaseModel):
    """What to answer: texts, or texts in parts by the names of their columns; files; or both."""

    model_config = ConfigDict(extra="forbid")

    texts: list[str | dict[str, str]] = []
    files: list[File] = []


class Answer(BaseModel):
    """The answer for one input.

    Attributes:
        input: The name of the file, or `"text-N"`, counted from 0.
        prediction: A class, a list of labels, a number, or a list of numbers; where there are several targets these by
            their names.
        numbers: What is behind it, as `autosft predict` names its columns: `"p(class)"`.
    """

    input: str
    prediction: Any
    numbers: Mapping[str, float | None]


class Answers(BaseModel):
    """The answers, in the order of the inputs."""

    answers: list[Answer]


class Unread(BaseModel):
    """An input that cannot be read, and why."""

    input: str
    reason: str


class Refusal(BaseModel):
    """Why there is no answer. One input that cannot be read is enough: then there is none for the others either."""

    detail: str
    skipped: list[Unread] = []


class Health(BaseModel):
    """Whether the model answers, and how many rows wait for it."""

    status: str
    waiting: int


class Member(BaseModel):
    """One of the models that answer together."""

    backbone: str
    strategy: str
    weight: float


class Target(BaseModel):
    """One thing that is asked of each input; classes are the names of classes or labels, null where there are none."""

    name: str
    problem: str
    metric: str
    classes: list[str] | None


class Info(BaseModel):
    """What the model is.

    Attributes:
        task: The task's name.
        modality: What inputs are.
        targets: What is asked of each.
        metric: The score that was searched for, in words; higher is better.
        scores: Its values on validation and test rows.
        members: What answers.
        made_with: Distributions and their versions.
        most_bytes: The largest request.
        most_inputs: The most inputs of a request.
    """

    task: str
    modality: str
    targets: list[Target]
    metric: str
    scores: Mapping[str, float]
    members: list[Member]
    made_with: Mapping[str, str]
    most_bytes: int
    most_inputs: int
