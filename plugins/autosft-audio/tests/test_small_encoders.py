import numpy as np
import pytest
import torch

from autosft.api import BadWeights, Recipe, Row, Rows, WeightFile
from autosft_audio.bands import COEFFICIENTS, BandsFamily
from autosft_audio.frontend import by_length
from autosft_audio.mel import BANDS, cosines
from autosft_audio.wavenet import WaveNetFamily

RECIPE = Recipe(backbone="b", strategy="s")


@pytest.fixture
def waves(tone):
    """Of different lengths, some equal."""
    return [torch.from_numpy(tone(300.0 * (n + 1), seconds)) for n, seconds in enumerate((0.5, 0.3, 0.5, 1.0))]


@pytest.fixture
def built(tone):
    """The encoder of a name, fitted to some tones."""
    families = {family.prefix: family for family in (BandsFamily(), WaveNetFamily())}
    rows = Rows.of(Row(str(number), tone(200.0 * (number + 1))) for number in range(5))

    def build(name):
        prefix, _, rest = name.partition("/")
        (info,) = families[prefix].match(rest)
        torch.manual_seed(0)
        state = families[prefix].fit(info, rows, lambda row: row.ref)
        return families[prefix].build(info, RECIPE, state, None).eval()

    return build


def test_waves_of_one_length_are_encoded_together_and_come_back_in_order(waves):
    sizes = []

    def encode(rows):
        sizes.append(tuple(rows.shape))
        return rows.mean(1)

    assert torch.allclose(torch.stack(by_length(waves, encode)), torch.stack([wave.mean() for wave in waves]))
    assert sorted(sizes) == [(1, 4800), (1, 16_000), (2, 8000)]


@pytest.mark.parametrize("name", ["bands/log-mel", "bands/mfcc", "wavenet/small"])
def test_what_a_row_gives_does_not_depend_on_its_neighbours(name, built, waves):
    encoder = built(name)
    with torch.inference_mode():
        together = encoder(waves)["pooled"]
        alone = torch.cat([encoder([wave])["pooled"] for wave in waves])
    assert together.shape == (4, encoder.widths["pooled"])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", ["bands/log-mel", "bands/mfcc", "wavenet/small"])
def test_one_sample_and_silence_give_finite_features(name, built):
    with torch.inference_mode():
        assert built(name)([torch.ones(1), torch.zeros(4000)])["pooled"].isfinite().all()


def test_bands_tell_pitches_apart_and_what_comes_first(built, waves):
    encoder = built("bands/log-mel")
    low, high = waves[0][:4000], waves[2][:4000]
    with torch.inference_mode():
        pooled = encoder([torch.cat([low, high]), torch.cat([high, low])])["pooled"]
        rising, falling = pooled[:, : 9 * BANDS].view(2, -1, BANDS)
    assert (rising[0] - falling[0]).abs().max() < 0.5  # the whole
    assert (rising[-1] - falling[-1]).abs().max() > 1.0


def test_bands_tell_a_quick_rhythm_from_a_slow_one(built):
    encoder = built("bands/log-mel")
    times = torch.arange(3 * 16_000) / 16_000
    noise = torch.randn(len(times), generator=torch.Generator().manual_seed(0)) * 0.1
    waves = [noise * (1.01 + torch.sin(2 * torch.pi * hertz * times)) for hertz in (2.0, 16.0)]
    with torch.inference_mode():
        slow, quick = encoder(waves)["pooled"][:, 9 * BANDS :].view(2, 6, -1).mean(2)  # (octaves)
    assert slow[1] > quick[1] and quick[4] > slow[4]


def test_bands_have_nothing_to_train_and_the_network_has_everything(built):
    assert list(built("bands/mfcc").parameters()) == [] and built("bands/mfcc").widths == {
        "pooled": 9 * COEFFICIENTS + 48
    }
    network = built("wavenet/small")
    assert sum(parameter.numel() for parameter in network.parameters()) == WaveNetFamily().curated()[0].parameters
    assert [name for block in network.blocks() for name in block] == [name for name, _ in network.named_parameters()]
    assert BandsFamily().curated()[0].origin == "fitted" and WaveNetFamily().curated()[0].origin == "scratch"


def test_the_cosine_transform_is_orthonormal():
    assert np.allclose(cosines(COEFFICIENTS).T @ cosines(COEFFICIENTS), np.eye(COEFFICIENTS), atol=1e-6)


def test_weights_are_refused():
    for family in (BandsFamily(), WaveNetFamily()):
        with pytest.raises(BadWeights, match="takes no weights"):
            family.build(family.curated()[0], RECIPE, None, WeightFile(source="test", path="w.safetensors"))


def test_stretches_of_sound_are_hidden_and_about_as_many_frames_as_asked_for(built, tone):
    encoder, waves = built("wavenet/small"), [torch.from_numpy(tone(500.0, 4.0)) for _ in range(8)]
    frames, masked = encoder._frames(waves)[0], encoder.masked(waves, 0.5, torch.Generator().manual_seed(0))
    assert len(masked.targets) / frames[..., 0].numel() == pytest.approx(0.5, abs=0.1)
    assert masked.targets.shape[1] == BANDS and masked.encoded.shape == (len(masked.targets), encoder.place_width)
    few = encoder.masked(waves[:1], 0.001, torch.Generator().manual_seed(0))
    assert 1 <= len(few.targets) <= 10
