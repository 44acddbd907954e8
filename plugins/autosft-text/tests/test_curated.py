"""The default list says what transformers makes of the published configurations."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from autosft_text.checkpoint import TOKENS
from autosft_text.curated import BY_REPOSITORY, CURATED

SMALL = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
MULTILINGUAL = {"vocab_size": 250_037}
CONFIGS = {
    "paraphrase-MiniLM-L3-v2": ("bert", {**SMALL, "num_hidden_layers": 3}),
    "all-MiniLM-L6-v2": ("bert", {**SMALL, "num_hidden_layers": 6}),
    "all-MiniLM-L12-v2": ("bert", SMALL),
    "paraphrase-multilingual-MiniLM-L12-v2": ("bert", {**SMALL, **MULTILINGUAL}),
    "all-mpnet-base-v2": ("mpnet", {"max_position_embeddings": 514}),
    "bge-small-en-v1.5": ("bert", SMALL),
    "bge-base-en-v1.5": ("bert", {}),
    "e5-small-v2": ("bert", SMALL),
    "multilingual-e5-small": ("bert", {**SMALL, **MULTILINGUAL}),
    "granite-embedding-30m-english": (
        "roberta",
        {**SMALL, "num_hidden_layers": 6, "vocab_size": 50_265, "max_position_embeddings": 514},
    ),
    "distilbert-base-uncased": ("distilbert", {}),
    "roberta-base": ("roberta", {"vocab_size": 50_265, "max_position_embeddings": 514, "type_vocab_size": 1}),
    "ModernBERT-base": ("modernbert", {}),
}


@pytest.mark.parametrize("info", CURATED, ids=lambda info: info.name.rpartition("/")[2])
def test_the_figures_are_those_of_the_architecture(info):
    from transformers import CONFIG_MAPPING, AutoModel

    kind, options = CONFIGS[info.name.rpartition("/")[2]]
    with torch.device("meta"):
        network = AutoModel.from_config(CONFIG_MAPPING[kind](**options), attn_implementation="eager").eval()
        if getattr(network, "pooler", None) is not None:
            network.pooler = None
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(input_ids=torch.ones(1, TOKENS, dtype=torch.long))
    assert info.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert counter.get_total_flops() / 2e9 == pytest.approx(info.gigaflops, abs=0.001)


def test_the_list_is_short_small_and_free():
    assert len(CURATED) == len(BY_REPOSITORY) == len(CONFIGS) == 13
    assert all(15e6 < info.parameters < 150e6 and 0 < info.prior < 1 for info in CURATED)
    assert {info.license for info in CURATED} <= {"Apache-2.0", "MIT"}
