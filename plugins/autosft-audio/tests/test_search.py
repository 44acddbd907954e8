"""A whole search on sounds, with real worker processes, and a bundle that answers in a fresh one."""

import json
import subprocess
import sys

import pytest
import soundfile

import autosft

ANSWER = """
import json, sys
import soundfile
import autosft
predictor = autosft.Predictor.load(sys.argv[1])
path = sys.argv[2]
print(json.dumps([*predictor.predict([path, soundfile.read(path)]), *predictor.predict(soundfile.read(path))]))
"""


@pytest.fixture
def searched(save, tmp_path):
    """A folder of tones, and a function that searches on it."""
    for split, count in (("train", 8), ("test", 4)):
        for name, hertz in (("low", 300.0), ("mid", 900.0), ("high", 2700.0)):
            for number in range(count):
                rate = (8_000, 44_100)[number % 2]
                save(tmp_path / "tones" / split / name / f"{number}.wav", hertz, 0.2 + number / 20, rate, seed=number)

    def search(**settings):
        run = tmp_path / "run"
        return run, autosft.run_search(tmp_path / "tones", run=run, budget=None, threads=1, device="cpu", **settings)

    return search


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone,strategy",
    [("bands/log-mel", "probe"), ("wavenet/small", "full"), ("timm/tf_efficientnet_lite0.*", "probe")],
)
def test_a_search_ends_with_a_bundle_that_answers_in_a_fresh_process(backbone, strategy, searched, tmp_path):
    if backbone.startswith("timm/"):
        pytest.importorskip("autosft_image", reason="encoders of images come with another package")
    run, result = searched(trials=1, backbones=[backbone], strategies=[strategy])
    assert result.best[0].recipe.strategy == strategy and result.test > 0.4
    path = tmp_path / "tones" / "test" / "high" / "1.wav"
    assert soundfile.info(path).samplerate == 44_100
    done = subprocess.run([sys.executable, "-c", ANSWER, run, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == 3 and set(answers) <= {"low", "mid", "high"} and len(set(answers)) == 1
