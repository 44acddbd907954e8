import subprocess
import sys

from autosft_image import plugin

CODE = """
import sys
from autosft_image import plugin
names = [part.name for part in (*plugin.autosft_modalities(), *plugin.autosft_weights())]
infos = [info for family in plugin.autosft_backbones() for info in family.curated()]
for source in plugin.autosft_weights():
    for info in infos:
        source.find(info)
heavy = {"torch", "torchvision", "timm", "PIL", "safetensors"} & sys.modules.keys()
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_offering_and_listing_parts_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_part_is_offered():
    (modality,) = plugin.autosft_modalities()
    (source,) = plugin.autosft_weights()
    assert [family.prefix for family in plugin.autosft_backbones()] == ["timm", "cnn"]
    assert (modality.name, source.name, source.order) == ("image", "installed packages", 10)
    assert plugin.autosft_api == 2
