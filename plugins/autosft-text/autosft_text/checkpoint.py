"""Folders as `save_pretrained` writes them: what lies beside the weights, and how large the encoder is.

Reads JSON and the headers of safetensors; imports neither torch nor, unless a tokenizer must be converted,
transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from autosft.api import BadWeights, State
from autosft.api.weights import read_config
from autosft_text.sentence import SentenceModules, sentence_modules
from autosft_text.tokenizing import LONGEST

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"

TOKENS = 64
"""The length of a text for which multiply-adds are stated: some 45 words of English."""

_SPARE = 2
"""Models of the RoBERTa kind count positions from here, so that this many cannot be used."""

_REMOTE = (
    *(
        "auto_map",
        "attn_implementation",
        "_attn_implementation",
        "_attn_implementation_internal",
        "experts_implementation",
    ),
    *("quantization_config", "dtype", "torch_dtype"),
)
"""What of a configuration is not taken over: code and kernels from elsewhere, and how numbers were stored."""

# fmt: off
_TEXT_KINDS = frozenset({
    "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "eurobert", "gpt2", "gpt_neox",
    "granite", "llama", "mistral", "modernbert", "mpnet", "nomic_bert", "qwen2", "qwen3", "roberta", "smollm3",
    "xlm-roberta",
})
# fmt: on
"""The commonest kinds of text encoders, known without importing transformers."""


def config_in(folder: Path) -> dict[str, Any]:
    """The configuration of the encoder in a folder.

    Raises:
        BadWeights: There is none, or it names no architecture.
    """
    config = read_config(folder / "config.json")
    if config is None or not isinstance(config.get("model_type"), str):
        raise BadWeights(f"{folder}: no config.json with a model_type; give a folder as transformers saves it.")
    return own(config)


def own(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration says how the encoder is built, and nothing that would be read from elsewhere."""
    return {
        key: own(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if key not in _REMOTE
    }


def reads_text(kind: str) -> bool:
    """Whether transformers has encoders of texts of this `model_type`."""
    if kind in _TEXT_KINDS:
        return True
    from transformers.models.auto import modeling_auto

    masked, causal = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES, modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return kind in masked or kind in causal


def is_of_several(config: Mapping[str, Any]) -> bool:
    """Whether a configuration has those of other models in it, as where pictures are read beside texts."""
    parts = [cast("Mapping[str, Any]", value) for value in config.values() if isinstance(value, Mapping)]
    return any("model_type" in part or is_of_several(part) for part in parts)


def state_in(folder: Path) -> State:
    """All that the encoder is built from but its weights: configuration, tokenizer, and what is done with its tokens.

    Raises:
        BadWeights: Something is missing or damaged.
    """
    modules = sentence_modules(folder)
    config = config_in(modules.encoder)
    named = _named(modules.encoder)
    content = _tokenizer(modules.encoder)
    values = {
        "config": config,
        "pooling": modules.pooling,
        "pools_prompt": modules.pools_prompt,
        "layers": [dict(layer) for layer in modules.layers],
        "prompt": modules.prompt,
        "longest": _longest(modules, config, named),
        "between": str(named.get("sep_token") or "\n"),
        "pad": _pad(config, named, content),
    }
    if modules.lowercase:
        content = _lowercasing(content)
    return State(values, {"tokenizer": np.frombuffer(content, dtype=np.uint8)})


def token_pooling(config: Mapping[str, Any]) -> str:
    """Which token stands for the whole text: of a decoder, where each token sees those before it, the last."""
    from transformers.models.auto import modeling_auto

    kind = config["model_type"]
    causal = kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    masked = kind in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return "last" if config.get("is_decoder") or (causal and not masked) else "first"


def usual_pooling(config: Mapping[str, Any]) -> str:
    """How checkpoints of this kind are pooled that were not trained with any pooling."""
    return "last" if token_pooling(config) == "last" else "mean"


def size_of(folder: Path) -> tuple[int, float]:
    """Weights of the encoder, and multiply-adds in 1e9 for a text of `TOKENS` tokens, by the shapes in the file."""
    modules = sentence_modules(folder)
    weights = work = 0
    for key, shape in _shapes(modules.encoder / WEIGHTS):
        count = int(np.prod(shape))
        if not any(word in key for word in ("pooler", "lm_head", "cls.", "classifier", "position_ids")):
            weights += count
            if len(shape) == 2 and "embed" not in key and ".wte." not in f".{key}" and ".wpe." not in f".{key}":
                work += count
    weights += sum(_weights_of(layer) for layer in modules.layers)
    config = config_in(modules.encoder)
    layers = int(config.get("num_hidden_layers") or config.get("n_layer") or config.get("n_layers") or 0)
    width = int(config.get("hidden_size") or config.get("n_embd") or config.get("dim") or 0)
    return weights, (TOKENS * work + 2 * layers * width * TOKENS**2) / 1e9


def _weights_of(layer: Mapping[str, Any]) -> int:
    """How many weights a layer behind the pooling has."""
    if layer["kind"] == "LayerNorm":
        return 2 * int(layer["width"])
    if layer["kind"] != "Dense":
        return 0
    inputs, outputs = int(layer["inputs"]), int(layer["outputs"])
    projects = bool(layer["residual"]) and inputs != outputs
    return inputs * outputs * (1 + projects) + outputs * bool(layer["bias"])


def _shapes(path: Path) -> Iterator[tuple[str, list[int]]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stream:
            for key in stream.keys():  # noqa: SIM118 - it is no mapping
                yield key, stream.get_slice(key).get_shape()
    except (OSError, SafetensorError) as error:
        raise BadWeights(f"{path}: cannot be read as weights ({error}).") from error


def _tokenizer(folder: Path) -> bytes:
    """`tokenizer.json`, or what transformers makes of an older format, such as `vocab.txt`."""
    try:
        return (folder / TOKENIZER).read_bytes()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadWeights(f"{folder / TOKENIZER}: cannot be read ({error.strerror}).") from error
    from transformers import AutoTokenizer

    try:
        converted = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return converted.backend_tokenizer.to_str().encode()
    except Exception as error:  # it raises whatever the missing library or file provokes
        words = " ".join(str(error).split())[:200]
        raise BadWeights(
            f"{folder}: there is no {TOKENIZER}, and none can be made of what is there ({words})."
        ) from error


def _named(folder: Path) -> dict[str, Any]:
    """The names of special tokens, and how long a text may be."""
    files = (folder / "special_tokens_map.json", folder / "tokenizer_config.json")
    table = {key: value for file in files for key, value in (read_config(file) or {}).items()}
    return {
        key: value["content"] if isinstance(value, Mapping) and "content" in value else value
        for key, value in table.items()
    }


def _longest(modules: SentenceModules, config: Mapping[str, Any], named: Mapping[str, Any]) -> int:
    """The most tokens of a text: by the checkpoint, and not more than `LONGEST`."""
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    stated = (named.get("model_max_length"), modules.longest)
    limits = [limit for limit in stated if isinstance(limit, (int, float)) and limit > 0]
    if isinstance(positions, int) and positions > _SPARE:
        limits.append(positions - _SPARE)
    return int(min([LONGEST, *limits]))


def _pad(config: Mapping[str, Any], named: Mapping[str, Any], content: bytes) -> int:
    """The number that fills up short texts: the encoder's own, else the tokenizer's, else any, as it is masked."""
    own = config.get("pad_token_id")
    if isinstance(own, int) and own >= 0:
        return own
    tokenizer = _opened(content)
    words = [named.get("pad_token"), named.get("eos_token")]
    numbers = [tokenizer.token_to_id(str(word)) for word in words if word]
    return next((number for number in numbers if number is not None), 0)


def _lowercasing(content: bytes) -> bytes:
    """The tokenizer, which now lowercases before all else."""
    from tokenizers import normalizers

    tokenizer = _opened(content)
    after = [tokenizer.normalizer] if tokenizer.normalizer else []
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *after])
    return tokenizer.to_str().encode()


def _opened(content: bytes) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises a bare Exception
        raise BadWeights(f"{TOKENIZER} cannot be read ({' '.join(str(error).split())[:200]}).") from error
