"""What every modality promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from autosft.contracts.backbone import BackboneInfo, Inputs
from autosft.contracts.modality import Example, Mix, Modality, Sample, Strength
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows, Scan
from autosft.contracts.space import Choice, defaults
from autosft.contracts.task import Task
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import Loaders, Parts, States
from autosft.data.arrow import open_rows, write_rows
from autosft.errors import BadInput
from autosft.testing.conformance.promises import Offline, check_light, check_plain, check_state, leaves, same
from autosft.testing.toy import ToyFamily
from autosft.training import ahead, mixing
from autosft.training.seeds import seed_everything
from autosft.training.source import Drawn, Source

RECIPE = Recipe(backbone="any/any", strategy="any")


class ModalityConformance(Offline):
    """Needs the fixtures `modality` and `data_path`; `inputs` where views need options, `raw` where users hand over
    other things than paths."""

    @pytest.fixture
    def modality(self) -> Modality:
        """The modality to test."""
        raise NotImplementedError("define the fixture `modality`")

    @pytest.fixture
    def data_path(self) -> Path:
        """Sound data of its kind, with four or more rows."""
        raise NotImplementedError("define the fixture `data_path`")

    @pytest.fixture
    def inputs(self, modality: Modality) -> Inputs:
        """What an encoder asks of its views."""
        return Inputs(kind=min(modality.kinds))

    @pytest.fixture
    def raw(self, data_path: Path) -> Sequence[Any]:
        """What a user hands to a predictor."""
        return [data_path]

    @pytest.fixture
    def task(self, modality: Modality, data_path: Path) -> Task:
        """The task that the modality itself proposes."""
        claim = modality.recognize(data_path)
        assert claim is not None, "the modality does not recognize its own data"
        return claim.task

    @pytest.fixture
    def scan(self, modality: Modality, task: Task) -> Scan:
        """All rows."""
        return modality.scan(task)

    def test_it_has_a_name_and_kinds(self, modality: Modality) -> None:
        assert modality.name and modality.kinds
        assert all("." not in name for name in (*modality.space, *modality.augmentation))

    def test_offering_it_imports_nothing_heavy(self, modality: Modality) -> None:
        check_light(modality)

    def test_its_claim_can_be_written_down(self, modality: Modality, data_path: Path) -> None:
        claim = modality.recognize(data_path)
        assert claim is not None and 0 < claim.confidence <= 1 and claim.why
        assert claim.task.modality == modality.name
        check_plain(claim.task.plain())
        assert Task.parse(claim.task.plain(), "claim") == claim.task

    def test_it_does_not_claim_what_it_does_not_know(self, modality: Modality, tmp_path: Path) -> None:
        strange = tmp_path / "strange.bin"
        strange.write_bytes(bytes(range(256)))
        assert modality.recognize(strange) is None

    def test_a_task_without_its_data_is_refused(self, modality: Modality, task: Task) -> None:
        with pytest.raises(BadInput):
            modality.scan(task.model_copy(update={"data": {}}))

    def test_rows_are_unique_and_stable(self, modality: Modality, task: Task, scan: Scan) -> None:
        ids = [*scan.rows.id, *scan.unlabeled.id]
        assert len(scan.rows) >= 4 and len(set(ids)) == len(ids)
        assert all(len(row.targets) == len(task.targets) for row in scan.rows)
        assert not any(row.targets for row in scan.unlabeled)
        again = modality.scan(task)
        assert again.rows.id.tolist() == scan.rows.id.tolist()

    def test_rows_can_be_written_down(self, modality: Modality, scan: Scan, tmp_path: Path) -> None:
        rows = scan.rows + scan.unlabeled
        write_rows(tmp_path / "rows.arrow", rows, {})
        again, _ = open_rows(tmp_path / "rows.arrow")
        assert again.targets.tolist() == rows.targets.tolist()
        for row, written in ((rows[position], again[position]) for position in (0, -1)):
            assert modality.digest(written) == modality.digest(row) and modality.length(written) == modality.length(row)
            modality.read(written)
        check_state(modality.fit(again[: len(scan.rows)], modality.read))

    def test_a_person_can_be_shown_a_sample(self, modality: Modality, scan: Scan) -> None:
        preview = modality.preview(scan.rows[0])
        assert preview.text or preview.picture
        assert not preview.picture or preview.picture.startswith((b"\xff\xd8", b"<svg"))
        assert len(preview.picture) < 100_000

    def test_what_a_user_hands_over_becomes_rows_without_targets(
        self, modality: Modality, task: Task, raw: Sequence[Any], tmp_path: Path
    ) -> None:
        rows = modality.collect(raw, task).rows
        assert len(rows) and len(set(rows.id)) == len(rows)
        assert not any(row.targets for row in rows)
        modality.read(rows[0])
        for wrong in (object(), tmp_path / "missing"):
            with pytest.raises(BadInput):
                modality.collect([wrong], task)

    def test_the_view_of_answers_can_be_written_down(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        check_plain(dict(modality.preparation(inputs, RECIPE, modality.fit(scan.rows, modality.read))))

    def test_rows_are_seen_alike_by_whoever_loads_what_was_learned(
        self, modality: Modality, scan: Scan, inputs: Inputs
    ) -> None:
        """And whoever learns it again from the same rows."""
        state = modality.fit(scan.rows, modality.read)
        assert state == modality.fit(scan.rows, modality.read)
        example, (first, second) = _example(modality, scan.rows[0]), (state, check_state(state))
        views = [
            modality.view(inputs, RECIPE, each, strength="none")(example, _generator(0)).inputs
            for each in (first, second)
        ]
        assert same([modality.collate(views[:1])], [modality.collate(views[1:])])

    def test_one_row_is_enough(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        state = modality.fit(scan.rows[:1], modality.read)
        view = modality.view(inputs, RECIPE, state, strength="none")
        joined = modality.collate([view(_example(modality, scan.rows[0]), _generator(0)).inputs])
        assert all(len(leaf) == 1 for leaf in leaves(joined))

    def test_the_view_of_answers_draws_nothing(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        before = _viewed(modality, scan.rows, inputs, strength="none", seed=0)
        assert same(before, _viewed(modality, scan.rows, inputs, strength="none", seed=1))

    @pytest.mark.parametrize("strength", get_args(Strength))
    def test_a_view_keeps_what_answers_need_to_be_mapped_back(
        self, modality: Modality, scan: Scan, inputs: Inputs, strength: Strength
    ) -> None:
        """And shows a row by itself where there are no others to be seen beside it."""
        view = modality.view(inputs, RECIPE, modality.fit(scan.rows, modality.read), strength=strength)
        for number, row in enumerate(scan.rows[:4]):
            example = _example(modality, row)
            known = {**example.meta, "known": 0.5}
            seen = view(replace(example, meta=known), _generator(number)).meta
            assert known.items() <= seen.items(), "it forgets, or changes, what was known of the row"
            assert all(isinstance(value, (int, float)) and math.isfinite(value) for value in seen.values())

    @pytest.mark.parametrize("strength", ["light", "strong"])
    def test_other_views_draw_from_their_generator_alone(
        self, modality: Modality, scan: Scan, inputs: Inputs, strength: Strength
    ) -> None:
        before = _viewed(modality, scan.rows, inputs, strength=strength, seed=7)
        seed_everything(len(before) + 1)
        assert same(before, _viewed(modality, scan.rows, inputs, strength=strength, seed=7)), (
            "a view may draw from the generator that it is given alone"
        )

    def test_batches_are_the_same_whichever_thread_or_process_loads_them(
        self, modality: Modality, task: Task, scan: Scan, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Several threads read, view and collate at the same time, and processes have copies of the modality."""
        monkeypatch.setattr(ahead, "TRIFLE_SECONDS", -1.0)
        info, state = BackboneInfo(name="tiny/any", inputs=inputs), modality.fit(scan.rows, modality.read)
        parts = Parts(task, RECIPE, modality, ToyFamily(), info, (), None, States(state))
        source = Source(parts, modality.read, scan.rows, ("strong", "none"), targets=False)
        places = np.tile(np.arange(len(scan.rows)), 8)
        drawn = [Drawn(places, np.stack([places + epoch, places], 1)) for epoch in range(2)]
        ways = (
            (source, Loaders(0)),
            (source, Loaders(4)),
            (_sent(source), Loaders(0)),
        )
        first, *others = ([batch.inputs for batch in ahead.Ahead(*way)(drawn)] for way in ways)
        assert all(same(first, other) for other in others)

    def test_collated_samples_have_one_entry_per_row(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        joined = _viewed(modality, scan.rows, inputs, strength="none", seed=0)[0]
        assert all(len(leaf) == 4 for leaf in leaves(joined))

    @pytest.mark.parametrize("mix", get_args(Mix))
    def test_what_it_says_can_be_mixed_can(self, modality: Modality, scan: Scan, inputs: Inputs, mix: Mix) -> None:
        if mix not in modality.mixes(inputs):
            pytest.skip("it does not say so")
        joined = _viewed(modality, scan.rows, inputs, strength="none", seed=0)[0]
        batch = Batch(joined, (torch.arange(4),), ("a", "b", "c", "d"), torch.ones(4))
        for seed in range(8):
            ways = {**dict.fromkeys(get_args(Mix), 0.0), mix: 1.0}
            mixed = mixing.mix(batch, _generator(seed), **ways)
            assert mixed.inputs.shape == joined.shape and mixed.inputs.dtype == joined.dtype
            assert mix == "mixup" or joined.ndim == 4, "cutmix needs pictures, shape (rows, channels, height, width)"
            assert mixed.mixed is not None and 0 <= mixed.mixed.share <= 1

    def test_every_choice_shows_rows_in_another_way(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        space = modality.space_for(inputs, modality.fit(scan.rows, modality.read))
        assert space.items() <= modality.space.items()
        for name, parameter in space.items():
            values = parameter.options if isinstance(parameter, Choice) else (parameter.low, parameter.high)
            seen: list[Any] = []
            for value in values:
                recipe = RECIPE.changed(own={modality.name: {**defaults(space), name: value}})
                seen.append(_viewed(modality, scan.rows, inputs, strength="none", seed=0, recipe=recipe))
            assert not any(same(*pair) for pair in combinations(seen, 2)), f"two values of {name} show the same"


def _viewed(
    modality: Modality, rows: Rows, inputs: Inputs, *, strength: Strength, seed: int, recipe: Recipe = RECIPE
) -> list[Any]:
    """Four rows, seen and joined."""
    state = modality.fit(rows, modality.read)
    view = modality.view(inputs, recipe, state, strength=strength)
    count = 0 if strength == "none" else modality.others(recipe, strength=strength)
    others = tuple(_example(modality, rows[number % len(rows)]) for number in range(count))
    shown = [replace(_example(modality, row), others=others) for row in rows[:4]]
    return [modality.collate([view(example, _generator(seed + n)).inputs for n, example in enumerate(shown)])]


def _example(modality: Modality, row: Row) -> Example:
    """A row without targets, before any view."""
    sample = Sample.of(modality.read(row))
    return Example(sample.data, meta=sample.meta)


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _sent(source: Source) -> Source:
    """As it arrives in another process."""
    loads: Callable[[Any], Source] = ForkingPickler.loads  # pyright: ignore[reportAttributeAccessIssue]
    return loads(ForkingPickler.dumps(source))
