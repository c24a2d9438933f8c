"""What every test runs with: a matplotlib without windows, hypothesis profiles, and a line about compilation."""

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterator

os.environ.setdefault("EVENTSIM_LOOPS", "broad")  # before eventsim is imported: a few loops serve all tests

import hypothesis
import pytest

from eventsim import _jit
from eventsim.network import neuron_model

os.environ["MPLBACKEND"] = "Agg"  # set, not proposed: a test must not depend on a display; subprocesses inherit it

# Modules that tests with these packages share; doctests are looked for in all others.
SHARED = {"onnx_networks.py": "onnxruntime", "quantized_onnx.py": "onnxruntime", "torch_networks.py": "torch"}
collect_ignore = [file for file, package in SHARED.items() if importlib.util.find_spec(package) is None]

# Deadlines are off since the first example may meet the compiler. `ci` tries the same examples in every run, so that
# a red run is red again; `interpreted` tries fewer, as plain Python (make interpreted); `explore` looks for new ones:
# HYPOTHESIS_PROFILE=explore pytest
hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("interpreted", hypothesis.settings.get_profile("ci"), max_examples=25)
hypothesis.settings.register_profile(
    "explore",
    deadline=None,
    max_examples=2_000,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def no_figure_outlives_its_test() -> Iterator[None]:
    """Close what pyplot knows: figures are pyplot's as soon as any test of this process has imported it."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def no_model_outlives_its_test() -> Iterator[None]:
    """Forget the models that a test has registered: messages of later tests would name them."""
    known = set(neuron_model._REGISTRY)
    yield
    if found := set(neuron_model._REGISTRY) - known:
        installed = {entry.name for entry in importlib.metadata.entry_points(group="eventsim.neuron_models")}
        for name in found:
            if name.partition(neuron_model.VARIANT)[0] not in installed:
                del neuron_model._REGISTRY[name]


# What takes longest is begun first, so that no process is left alone with it at the end; files keep together. Of two
# processes, one begins with the odd ones of these and the other with the even ones: they compile different loops, and
# find each other's on disk afterwards. (Behind these two, each takes the next as soon as it can.)
LONGEST = (
    *("test_engines.py", "test_verify.py", "test_checkpoint.py", "test_arrival.py", "test_edges.py", "test_docs.py"),
    *("test_stations.py", "test_neuron_options.py", "test_receptors.py", "test_glif.py", "test_exponential_models.py"),
    *("test_certify.py", "test_network.py", "test_warm_up.py", "test_goldset.py", "test_benchmarks.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest in front."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the tests of this process spent on compiling (loops found in the disk cache do not count)."""
    report = _jit.compile_report()
    terminalreporter.write_line(f"compiled loops: {report.loops}, {report.seconds:.1f} s")
