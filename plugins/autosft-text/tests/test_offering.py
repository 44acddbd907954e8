import subprocess
import sys

from autosft_text import plugin

CODE = """
import sys
from autosft_text import plugin
parts = [*plugin.autosft_modalities(), *plugin.autosft_weights(), *plugin.autosft_backbones()]
infos = [info for family in plugin.autosft_backbones() for info in family.curated()]
for source in plugin.autosft_weights():
    for info in infos:
        source.find(info)
heavy = {"torch", "transformers", "tokenizers", "sklearn", "scipy", "safetensors", "pyarrow"} & sys.modules.keys()
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_offering_and_listing_parts_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_part_is_offered():
    (modality,) = plugin.autosft_modalities()
    (source,) = plugin.autosft_weights()
    prefixes = [family.prefix for family in plugin.autosft_backbones()]
    assert (modality.name, source.order, plugin.autosft_api) == ("text", 10, 2)
    assert prefixes == ["transformers", "static", "tfidf", "lstm"]
