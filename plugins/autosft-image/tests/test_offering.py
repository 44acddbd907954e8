import subprocess
import sys

from autosft_image import plugin

CODE = """
import sys
from autosft_image import plugin
names = [part.name for part in (*plugin.autosft_modalities(), *plugin.autosft_weights())]
(family,) = plugin.autosft_backbones()
infos = family.curated()
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
    (family,) = plugin.autosft_backbones()
    (source,) = plugin.autosft_weights()
    assert (modality.name, family.prefix, source.name, source.order) == ("image", "timm", "installed packages", 10)
    assert plugin.autosft_api == 2
