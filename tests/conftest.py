"""What tests of several rooms stand on."""

import pytest


@pytest.fixture
def without_compiler():
    """A machine on which torch finds no C++ compiler."""
    import torch
    from torch._inductor import config

    from autosft.training.acceleration import why_not_compiled

    why_not_compiled.cache_clear()
    torch.compiler.reset()
    with config.patch({"cpp.cxx": ("/nowhere/compiler",)}):
        yield
    why_not_compiled.cache_clear()
    torch.compiler.reset()
