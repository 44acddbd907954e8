"""What every modality promises: `ModalityConformance`."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from autosft.contracts.backbone import BackboneInfo, Inputs
from autosft.contracts.modality import Mix, Modality, Strength
from autosft.contracts.rows import Scan
from autosft.contracts.space import defaults
from autosft.contracts.task import Task
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import Loaders, Parts, States
from autosft.data.arrow import open_rows, write_rows
from autosft.errors import BadInput
from autosft.testing.conformance.promises import (
    Offline,
    check_light,
    check_plain,
    check_state,
    equal,
    extremes,
    leaves,
    same,
)
from autosft.testing.conformance.views import example, generator, recipe_for, sent, viewed
from autosft.testing.toy import ToyFamily
from autosft.training import ahead, mixing
from autosft.training.seeds import seed_everything
from autosft.training.source import Drawn, Source


class ModalityConformance(Offline):
    """Checks that a modality recognizes its data and no other, lists rows that are unique, stable and can be written
    down, and shows each of them alike to whoever loads it, in whichever thread or process.

    A subclass gives the fixtures `modality` and `data_path`; `inputs` where views need options, and `raw` where users
    hand over other things than paths.

    A check that fails names what would make two runs of a search, or a search and its predictor, see rows otherwise.
    """

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
        """What an encoder asks of its views; by default no options, of the first kind."""
        return Inputs(kind=min(modality.kinds))

    @pytest.fixture
    def raw(self, data_path: Path) -> Sequence[Any]:
        """What a user hands to a predictor; by default the path of the data."""
        return [data_path]

    @pytest.fixture
    def task(self, modality: Modality, data_path: Path) -> Task:
        """The task that the modality itself proposes."""
        inferred = modality.recognize(data_path)
        assert inferred is not None, "the modality does not recognize its own data"
        return inferred.task

    @pytest.fixture
    def scan(self, modality: Modality, task: Task) -> Scan:
        """All rows; made of the other fixtures."""
        return modality.scan(task)

    def test_it_has_a_name_and_kinds(self, modality: Modality) -> None:
        assert modality.name and modality.kinds
        assert all("." not in name for name in (*modality.space, *modality.augmentation))

    def test_offering_it_imports_nothing_heavy(self, modality: Modality) -> None:
        check_light(modality)

    def test_its_inferred_task_can_be_written_down(self, modality: Modality, data_path: Path) -> None:
        inferred = modality.recognize(data_path)
        assert inferred is not None and 0 < inferred.confidence <= 1 and inferred.why
        assert inferred.task.modality == modality.name
        check_plain(inferred.task.plain())
        assert Task.parse(inferred.task.plain(), "task") == inferred.task

    def test_it_does_not_recognize_what_it_does_not_know(self, modality: Modality, tmp_path: Path) -> None:
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

    def test_a_digest_says_what_a_row_holds(self, modality: Modality, scan: Scan) -> None:
        """Rows of one digest are encoded once, for this search and for later ones."""
        some = [scan.rows[position] for position in range(min(len(scan.rows), 8))]
        digests = [modality.digest(row) for row in some]
        assert digests == [modality.digest(row) for row in some], "a row has another digest each time"
        for (one, first), (other, second) in combinations(zip(digests, some, strict=True), 2):
            if one and one == other:
                samples = [example(modality, row).inputs for row in (first, second)]
                assert equal(*samples), f"{first.id} and {second.id} have one digest, and differ"

    def test_a_view_leaves_the_decoded_sample_as_it_is(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        """Decoded samples are kept, and seen again in the next epoch."""
        state = modality.fit(scan.rows, modality.read)
        for strength in get_args(Strength):
            view, decoded = (
                modality.view(inputs, recipe_for(modality), state, strength=strength),
                example(modality, scan.rows[0]),
            )
            before = copy.deepcopy(decoded.inputs)
            modality.collate([view(decoded, generator(0)).inputs])
            assert equal(before, decoded.inputs), f"a view of strength {strength!r} changes what it is given"

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
        check_plain(dict(modality.preparation(inputs, recipe_for(modality), modality.fit(scan.rows, modality.read))))

    def test_rows_are_seen_alike_by_whoever_loads_what_was_learned(
        self, modality: Modality, scan: Scan, inputs: Inputs
    ) -> None:
        """And whoever learns it again from the same rows."""
        state = modality.fit(scan.rows, modality.read)
        assert state == modality.fit(scan.rows, modality.read)
        decoded, (first, second) = example(modality, scan.rows[0]), (state, check_state(state))
        views = [
            modality.view(inputs, recipe_for(modality), each, strength="none")(decoded, generator(0)).inputs
            for each in (first, second)
        ]
        assert same([modality.collate(views[:1])], [modality.collate(views[1:])])

    def test_one_row_is_enough(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        state = modality.fit(scan.rows[:1], modality.read)
        view = modality.view(inputs, recipe_for(modality), state, strength="none")
        joined = modality.collate([view(example(modality, scan.rows[0]), generator(0)).inputs])
        assert all(len(leaf) == 1 for leaf in leaves(joined))

    def test_the_view_of_answers_draws_nothing(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        before = viewed(modality, scan.rows, inputs, strength="none", seed=0)
        assert same(before, viewed(modality, scan.rows, inputs, strength="none", seed=1))

    @pytest.mark.parametrize("strength", get_args(Strength))
    def test_a_view_keeps_what_answers_need_to_be_mapped_back(
        self, modality: Modality, scan: Scan, inputs: Inputs, strength: Strength
    ) -> None:
        """And shows a row by itself where there are no others to be seen beside it."""
        view = modality.view(inputs, recipe_for(modality), modality.fit(scan.rows, modality.read), strength=strength)
        for number, row in enumerate(scan.rows[:4]):
            decoded = example(modality, row)
            known = {**decoded.meta, "known": 0.5}
            seen = view(replace(decoded, meta=known), generator(number)).meta
            assert known.items() <= seen.items(), "it forgets, or changes, what was known of the row"
            assert all(isinstance(value, (int, float)) and math.isfinite(value) for value in seen.values())

    @pytest.mark.parametrize("strength", ["light", "strong"])
    def test_other_views_draw_from_their_generator_alone(
        self, modality: Modality, scan: Scan, inputs: Inputs, strength: Strength
    ) -> None:
        before = viewed(modality, scan.rows, inputs, strength=strength, seed=7)
        seed_everything(len(before) + 1)
        assert same(before, viewed(modality, scan.rows, inputs, strength=strength, seed=7)), (
            "a view may draw from the generator that it is given alone"
        )

    def test_batches_are_the_same_whichever_thread_or_process_loads_them(
        self, modality: Modality, task: Task, scan: Scan, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Several threads read, view and collate at the same time, and processes have copies of the modality."""
        monkeypatch.setattr(ahead, "TRIFLE_SECONDS", -1.0)
        info, state = BackboneInfo(name="tiny/any", inputs=inputs), modality.fit(scan.rows, modality.read)
        parts = Parts(task, recipe_for(modality), modality, ToyFamily(), info, (), None, States(state))
        source = Source(parts, modality.read, scan.rows, ("strong", "none"), targets=False)
        places = np.tile(np.arange(len(scan.rows)), 8)
        drawn = [Drawn(places, np.stack([places + epoch, places], 1)) for epoch in range(2)]
        ways = (
            (source, Loaders(0)),
            (source, Loaders(4)),
            (sent(source), Loaders(0)),
        )
        first, *others = ([batch.inputs for batch in ahead.Ahead(*way)(drawn)] for way in ways)
        assert all(same(first, other) for other in others)

    def test_collated_samples_have_one_entry_per_row(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        joined = viewed(modality, scan.rows, inputs, strength="none", seed=0)[0]
        assert all(len(leaf) == 4 for leaf in leaves(joined))

    @pytest.mark.parametrize("mix", get_args(Mix))
    def test_what_it_says_can_be_mixed_can(self, modality: Modality, scan: Scan, inputs: Inputs, mix: Mix) -> None:
        if mix not in modality.mixes(inputs):
            pytest.skip("it does not say so")
        joined = viewed(modality, scan.rows, inputs, strength="none", seed=0)[0]
        batch = Batch(joined, (torch.arange(4),), ("a", "b", "c", "d"), torch.ones(4))
        for seed in range(8):
            ways = {**dict.fromkeys(get_args(Mix), 0.0), mix: 1.0}
            mixed = mixing.mix(batch, generator(seed), **ways)
            assert mixed.inputs.shape == joined.shape and mixed.inputs.dtype == joined.dtype
            assert mix == "mixup" or joined.ndim == 4, "cutmix needs pictures, shape (rows, channels, height, width)"
            assert mixed.mixed is not None and 0 <= mixed.mixed.lam <= 1

    def test_every_choice_shows_rows_in_another_way(self, modality: Modality, scan: Scan, inputs: Inputs) -> None:
        space = modality.space_for(inputs, modality.fit(scan.rows, modality.read))
        assert space.items() <= modality.space.items()
        for name, parameter in space.items():
            seen: list[Any] = []
            for value in extremes(parameter):
                recipe = recipe_for(modality).changed(own={modality.name: {**defaults(space), name: value}})
                relative_cost = modality.relative_cost(inputs, recipe, modality.fit(scan.rows, modality.read))
                assert 0 < relative_cost < math.inf, f"with {name}={value} the relative cost is {relative_cost}"
                seen.append(viewed(modality, scan.rows, inputs, strength="none", seed=0, recipe=recipe))
            assert not any(same(*pair) for pair in combinations(seen, 2)), f"two values of {name} show the same"
