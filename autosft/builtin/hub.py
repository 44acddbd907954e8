"""The Hugging Face hub as two sources of weights: what its cache on this machine holds, and what the network brings.

A backbone with files `"beside"` its weights gets a folder, of safetensors alone; any other gets a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import final

from autosft.contracts.backbone import BackboneInfo, WeightFile, WeightSource
from autosft.errors import BadWeights, Unreachable

FILES = ("model.safetensors", "pytorch_model.bin")
"""Names under which a repository holds its weights, the safer first."""

FOLDER_FILES = ("model.safetensors", "model.safetensors.index.json")
"""The same where a folder is wanted; the second lists the parts of a large model."""

BESIDE = ("*.json", "*.txt", "*.model", "[0-9]_*/model.safetensors")
"""What comes along beside the weights: configurations, tokenizers, and layers that sentence-transformers puts behind an
encoder, each in a folder with a number."""

ANSWER_SECONDS = 5.0
"""How long the hub may take to say whether it has a file."""


@final
class HubCache(WeightSource):
    """Files that the hub's client has downloaded before; `HF_HOME` and `HF_HUB_CACHE` say where they lie."""

    name = "hub cache"
    order = 20

    def find(self, info: BackboneInfo) -> WeightFile | None:
        """The newest cached revision of the backbone's repository."""
        repository = info.pretrained.get("hub", "")
        if not repository:
            return None
        from huggingface_hub import try_to_load_from_cache

        beside = info.pretrained.get("beside", "").split()
        for name in FOLDER_FILES if beside else FILES:
            path = try_to_load_from_cache(repository, name)
            if not isinstance(path, str):
                continue
            folder = Path(path).parent
            if not beside:
                return WeightFile(source=self.name, path=path, license=info.license)
            if all((folder / file).is_file() for file in beside):
                return WeightFile(source=self.name, path=str(folder), license=info.license)
        return None


@final
class Hub(WeightSource):
    """The hub itself. After a first request that reaches nobody it is not asked again."""

    name = "hub"
    order = 30

    def __init__(self) -> None:
        self._silence = ""

    def find(self, info: BackboneInfo) -> WeightFile | None:
        """Ask for the file's metadata; downloads nothing."""
        repository = info.pretrained.get("hub", "")
        if not repository:
            return None
        from httpx2 import HTTPError
        from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled

        if constants.HF_HUB_OFFLINE:
            raise Unreachable("HF_HUB_OFFLINE is set")
        if self._silence:
            raise Unreachable(self._silence)
        beside = info.pretrained.get("beside", "")
        for name in FOLDER_FILES if beside else FILES:
            try:
                found = get_hf_file_metadata(hf_hub_url(repository, name), timeout=ANSWER_SECONDS)
            except EntryNotFoundError:
                continue
            except HfHubHTTPError as error:  # it answers, but not with this file: unknown, gated or private
                raise Unreachable(f"the hub refuses {repository} ({type(error).__name__})") from error
            except (HTTPError, OfflineModeIsEnabled, OSError) as error:
                self._silence = f"the hub cannot be reached ({type(error).__name__})"
                raise Unreachable(self._silence) from error
            remote = {"repository": repository, "file": name, **({"beside": beside} if beside else {})}
            digest = found.etag or ""
            return WeightFile(
                source=self.name,
                sha256=digest if len(digest) == 64 else "",
                license=info.license,
                remote=remote,
            )
        return None

    def fetch(self, file: WeightFile) -> WeightFile:
        """Download the newest revision into the hub's cache, where `HubCache` finds it the next time.

        Should it have changed since `find`, its sha256 differs and the family refuses it by name.
        """
        if file.path:
            return file
        from httpx2 import HTTPError
        from huggingface_hub import hf_hub_download, snapshot_download

        remote = file.remote
        try:
            if "beside" in remote:
                parts = ["*.safetensors"] if remote["file"].endswith(".json") else [remote["file"]]
                path = snapshot_download(remote["repository"], allow_patterns=[*parts, *BESIDE])
            else:
                path = hf_hub_download(remote["repository"], remote["file"])
        except (HTTPError, OSError) as error:
            raise BadWeights(f"{remote['repository']}: download failed ({error}).") from error
        return file.model_copy(update={"path": path})
