"""The hub's cache and the local processes keep their contracts. The hub itself is not asked: tests need no network."""

import pytest

from autosft.builtin.hub import HubCache
from autosft.builtin.processes import Processes
from autosft.testing.conformance import ExecutorConformance, WeightSourceConformance


class TestHubCache(WeightSourceConformance):
    @pytest.fixture
    def source(self):
        return HubCache()


@pytest.mark.slow
class TestProcesses(ExecutorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls):
        return Processes()
