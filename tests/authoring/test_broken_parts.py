"""Each of some parts with one defect fails the check that names it, and no other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CAUGHT = {
    "Narrow": ("test_encoding_gives_what_was_announced", "pooled is 7 wide, and widths announces 8"),
    "Double": ("test_encoding_gives_what_was_announced", "pooled is of the type torch.float64"),
    "Crowded": ("test_a_row_alone_is_encoded_as_among_others", "pooled of row 1 depends on the rows beside it"),
    "Loose": ("test_all_that_it_knows_moves_with_it_and_can_be_copied", "register Loose.scale as buffers"),
    "Exported": ("test_its_graph_gives_the_same", "not close"),
    "NumberedPlaces": ("test_encoding_gives_what_was_announced", "values must be plain JSON: 'places'"),
    "Forgetful": ("test_what_it_learns_can_be_learned_again", "another state of the same rows"),
    "Overstated": ("test_the_number_of_its_parameters_is_about_what_it_announces", "it has"),
    "Unbuilt": ("test_every_choice_of_its_space_builds_an_encoder", "no activation"),
    "Deep": ("test_a_head_of_pooled_features_is_linear", "is a LinearHead"),
    "Flat": ("test_means_of_its_targets_are_raw_outputs_if_it_says_so", "class numbers are of the type int64"),
    "Misnamed": ("test_classes_are_those_of_its_answers", "probabilities have the shape (8, 3)"),
    "Literal": ("test_rows_may_have_targets_that_no_training_row_has", "KeyError"),
    "Rooted": ("test_processes_that_load_batches_have_a_copy_of_it", "pickle"),
    "ClassesOnly": ("test_it_trains_each_problem_that_it_does_not_decline", "classes"),
    "Weighty": ("test_it_trains_or_declines_an_encoder_in_which_nothing_can_be_trained", "StopIteration"),
    "Divided": ("test_every_choice_of_its_own_can_be_trained", "ZeroDivisionError"),
    "Careless": ("test_a_view_leaves_the_decoded_sample_as_it_is", "changes what it is given"),
    "Alike": ("test_a_digest_says_what_a_row_holds", "have one digest, and differ"),
}
ALSO = {
    "Narrow": {"test_what_it_hides_from_itself_it_has_not_seen"},
    "Misnamed": {"test_a_strategy_trains_it"},
    "NumberedPlaces": {"test_one_seed_builds_one_encoder"},
    "Deep": {"test_a_strategy_trains_it", "test_means_of_its_targets_are_raw_outputs_if_it_says_so"},
    "Flat": {"test_a_strategy_trains_it", "test_a_student_is_nearest_to_its_teacher_where_it_answers_the_same"},
    "Careless": {"test_rows_are_seen_alike_by_whoever_loads_what_was_learned"},
}
"""Which other checks a defect fails, necessarily."""

FAILED = re.compile(r"^(?:FAILED|ERROR) \S+::Test(\w+)::(\w+)(?:\[[^\]]*\])? - (.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def failures():
    """The failed checks of each part, with the first line of why."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "-k",
        "not imports_nothing_heavy",
    ]
    env = {**os.environ, "COLUMNS": "1000", "OMP_NUM_THREADS": "1"}
    path = HERE / "broken_parts.py"
    done = subprocess.run(
        [*command, f"--rootdir={HERE}", "--import-mode=importlib", str(path)], capture_output=True, text=True, env=env
    )
    found = {}
    for name, check, why in FAILED.findall(done.stdout):
        found.setdefault(name, {}).setdefault(check, why)
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CAUGHT)
def test_a_fault_is_caught_by_the_check_that_names_it(name, failures):
    check, why = CAUGHT[name]
    assert why in failures.get(name, {}).get(check, ""), failures.get(name)
    assert set(failures[name]) <= {check} | ALSO.get(name, set())
