"""The application: routes, limits, and errors as JSON. It knows neither sockets nor signals.

A client's error is a 4xx that says what is wrong. A 500 is a defect of AutoSFT or of a plugin, and is logged.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autosft.contracts.rows import Row, Rows, SkippedSample
from autosft.errors import AutoSFTError
from autosft.serving.batcher import Batcher, Overloaded
from autosft.serving.inputs import Sample, rows_of, samples_of
from autosft.serving.messages import Answer, Answers, Health, Info, Member, Question, Refusal, Target, Unread

if TYPE_CHECKING:
    from autosft.deploy.predictor import Predictor

JSON, FORM = "application/json", "multipart/form-data"


@dataclass(frozen=True)
class Limits:
    """What a service takes.

    Attributes:
        most_bytes: Of a request.
        requests_at_once: So many of the largest may be in memory at the same time, or more of smaller ones.
        most_inputs: Of a request.
        batch: Inputs that are answered in one forward pass.
        wait: Seconds that a request waits for others to share it.
        most_waiting: Inputs beyond which further requests are refused.
    """

    most_bytes: int = 32 * 1024**2
    requests_at_once: int = 8
    most_inputs: int = 256
    batch: int = 32
    wait: float = 0.005
    most_waiting: int = 1024


def make_app(predictor: Predictor, limits: Limits) -> FastAPI:
    """The application that answers with a predictor."""
    parts, _ = predictor.members[0]
    batcher: Batcher[Row, Answer] = Batcher(
        partial(answered, predictor),
        parts.modality.length,
        most=limits.batch,
        wait=limits.wait,
        most_waiting=limits.most_waiting,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(batcher.close)

    # the usual pages for people would fetch scripts from elsewhere
    app = FastAPI(title=f"AutoSFT: {predictor.task.name}", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(_Limited, most=limits.most_bytes, together=limits.requests_at_once * limits.most_bytes)
    app.add_exception_handler(_Refused, _refused)
    app.add_exception_handler(HTTPException, _refused_by_starlette)
    app.add_exception_handler(Exception, _defect)
    info = _info(predictor, limits)
    refusals: dict[int | str, dict[str, Any]] = {code: {"model": Refusal} for code in (400, 413, 415, 422, 429)}

    @app.get("/health")
    async def health() -> Health:
        """Whether the model is loaded and answers."""
        return Health(status="ok", waiting=batcher.waiting)

    @app.get("/")
    @app.get("/info")
    async def about() -> Info:
        """What the model is, and what it was worth on validation and test rows."""
        return info

    @app.post("/predict", responses=refusals, openapi_extra={"requestBody": _body()})
    async def predict(request: Request) -> Answers:
        """Answer for files (multipart), or for texts and files in JSON."""
        samples, skipped = await _received(request, limits)
        if any(isinstance(sample.given, bytes) for sample in samples):
            with tempfile.TemporaryDirectory(prefix="autosft-") as folder:
                rows, unread = await run_in_threadpool(rows_of, predictor, samples, Path(folder))
                return await _answers(batcher, rows, [*skipped, *unread])
        rows, unread = rows_of(predictor, samples, None)
        return await _answers(batcher, rows, [*skipped, *unread])

    return app


async def _answers(
    batcher: Batcher[Row, Answer], rows: Sequence[tuple[str, Row]], skipped: Sequence[SkippedSample]
) -> Answers:
    """The answers for rows, by the names of the inputs that they come from, when their turn has come."""
    if skipped:
        raise _Refused(422, f"{len(skipped)} inputs cannot be read.", skipped)
    try:
        answers = await asyncio.wrap_future(batcher.submit([row for _, row in rows]))
    except Overloaded as error:
        raise _Refused(429, str(error)) from error
    except AutoSFTError as error:
        raise _Refused(422, str(error)) from error
    named = zip(rows, answers, strict=True)
    return Answers(answers=[answer.model_copy(update={"input": name}) for (name, _), answer in named])


def answered(predictor: Predictor, rows: Sequence[Row]) -> list[Answer]:
    """The answers for rows that may come from several requests."""
    numbered = Rows.of(replace(row, id=str(number)) for number, row in enumerate(rows))
    outputs = predictor.outputs(numbered)
    columns = predictor.columns(outputs)
    return [
        Answer(
            input="",
            prediction=prediction,
            numbers={name: _finite(column[place]) for name, column in columns.items()},
        )
        for place, prediction in enumerate(predictor.decide(outputs))
    ]


def _finite(number: Any) -> float | None:
    """JSON has no word for what is no number."""
    return float(number) if math.isfinite(number) else None


async def _received(request: Request, limits: Limits) -> tuple[list[Sample], list[SkippedSample]]:
    """The samples in a request's body, and those that cannot be used."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    skipped: list[SkippedSample] = []
    if kind == JSON:
        try:
            question = Question.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            raise _Refused(422, f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}.") from error
        samples, skipped = samples_of(question)
    elif kind == FORM:
        async with request.form(max_files=limits.most_inputs, max_fields=limits.most_inputs) as form:
            parts = form.multi_items()
            files = [(name, part) for name, part in parts if isinstance(part, UploadFile)]
            samples = [Sample(part.filename or name, await part.read()) for name, part in files]
            skipped = [
                SkippedSample(name, "no file; give it a file name") for name, part in parts if isinstance(part, str)
            ]
    else:
        raise _Refused(415, f"Send {FORM} with files, or {JSON}.")
    count = len(samples) + len(skipped)
    if not 0 < count <= limits.most_inputs:
        raise _Refused(422, f"{count} inputs; send 1 to {limits.most_inputs}.")
    return samples, skipped


class _Refused(Exception):
    """There is no answer, and it is the client's to mend."""

    def __init__(self, code: int, detail: str, skipped: Sequence[SkippedSample] = ()) -> None:
        super().__init__(detail)
        unread = [Unread(input=skip.ref, reason=skip.reason) for skip in skipped]
        self.code, self.refusal = code, Refusal(detail=detail, skipped=unread)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, _Refused)
    headers = {"Retry-After": "1"} if error.code == 429 else None
    return JSONResponse(error.refusal.model_dump(), error.code, headers)


async def _refused_by_starlette(_: Request, error: Exception) -> JSONResponse:
    """What is refused before it is read, such as a body that is no multipart, in the same form as all else."""
    assert isinstance(error, HTTPException)
    return JSONResponse(Refusal(detail=error.detail).model_dump(), error.status_code, error.headers)


async def _defect(_: Request, error: Exception) -> JSONResponse:
    """What starlette then raises on, so that the server logs it."""
    return JSONResponse(Refusal(detail=f"A defect: {type(error).__name__}. The log says more.").model_dump(), 500)


class _Limited:
    """Refuses a body that is too large: at once if it says so, else when it is. So it does with one that would be too
    much beside those that are being answered."""

    def __init__(self, app: ASGIApp, most: int, together: int) -> None:
        self._app, self._most, self._together = app, most, together
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            size = len(message.get("body", b""))
            seen, self._held = seen + size, self._held + size
            if seen > self._most:
                raise HTTPException(413, self._words())
            if self._held > self._together:
                words = f"Over {self._together} bytes of requests are waiting already. Try again in a moment."
                raise HTTPException(429, words, {"Retry-After": "1"})
            return message

        said = dict(scope.get("headers", ())).get(b"content-length", b"")
        if scope["type"] == "http" and said.isdigit() and int(said) > self._most:
            await JSONResponse(Refusal(detail=self._words()).model_dump(), 413)(scope, receive, send)
        else:
            try:
                await self._app(scope, limited, send)
            finally:
                self._held -= seen

    def _words(self) -> str:
        return f"The request is larger than {self._most} bytes. Send fewer inputs at once, or smaller ones."


def _info(predictor: Predictor, limits: Limits) -> Info:
    pairs = zip(predictor.members, predictor.weights, strict=True)
    members = [
        Member(backbone=parts.recipe.backbone, strategy=parts.recipe.strategy, weight=one) for (parts, _), one in pairs
    ]
    asked = zip(predictor.task.targets, predictor.class_names, strict=True)
    targets = [
        Target(name=one.name, problem=one.problem, metric=one.metric, classes=list(names) or None)
        for one, names in asked
    ]
    return Info(
        task=predictor.task.name,
        modality=predictor.task.modality,
        targets=targets,
        metric=predictor.task.score_name,
        scores=predictor.bundle.scores,
        members=members,
        made_with=predictor.bundle.distributions,
        most_bytes=limits.most_bytes,
        most_inputs=limits.most_inputs,
    )


def _body() -> dict[str, Any]:
    """What `/predict` takes, for OpenAPI: FastAPI knows of one kind of body per route alone."""
    files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["files"], "properties": {"files": files}, "additionalProperties": False}
    question = Question.model_json_schema(ref_template="#/components/schemas/{model}")
    file = question.pop("$defs")["File"]
    question["properties"]["files"]["items"] = file
    return {"required": True, "content": {JSON: {"schema": question}, FORM: {"schema": form}}}
