import subprocess
import sys

from autosft_audio import plugin

CODE = """
import sys
from autosft_audio import plugin
(modality,) = plugin.autosft_modalities()
infos = [info for family in plugin.autosft_backbones() for info in (*family.curated(), *family.match("*"))]
for source in plugin.autosft_weights():
    for info in infos:
        source.find(info)
heavy = {"torch", "transformers", "soundfile", "scipy", "safetensors", "pandas", "pyarrow"} & sys.modules.keys()
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_offering_and_listing_parts_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_part_is_offered():
    (modality,) = plugin.autosft_modalities()
    (source,) = plugin.autosft_weights()
    prefixes = [family.prefix for family in plugin.autosft_backbones()]
    assert (modality.name, modality.kinds) == ("audio", {"image", "waveform"})
    assert prefixes == ["transformers-audio", "voice", "bands", "wavenet"]
    assert (source.name, source.order, plugin.autosft_api) == ("Resemblyzer", 10, 2)


def test_every_curated_encoder_takes_what_the_modality_gives():
    (modality,) = plugin.autosft_modalities()
    infos = [info for family in plugin.autosft_backbones() for info in family.curated()]
    assert len({info.name for info in infos}) == len(infos) == 12
    assert all(info.inputs.kind in modality.kinds and 0 < info.prior < 1 for info in infos)
    assert all(info.license and info.parameters and info.gigaflops for info in infos if info.pretrained)
