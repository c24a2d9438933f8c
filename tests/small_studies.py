"""Small networks and studies that tests share, and points that misbehave; a module, so that workers can import it."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import eventsim
from eventsim import models
from eventsim.study import Study

N_SAMPLES = 12


def network(margin: float = 0.5, die: str = "", wait: float = 0.0, fail: bool = False) -> eventsim.Network:
    """A mapped network, 4-6-5-3; `die` is a folder where a file allows a worker to die once, or "always"."""
    if die == "always" or (die and _once(Path(die))):
        os._exit(9)
    if fail:
        raise RuntimeError("this network cannot be made")
    time.sleep(wait)
    random = np.random.default_rng(7)
    weights = [random.normal(size=(6, 4)) / 2, random.normal(size=(5, 6)) / 2, random.normal(size=(3, 5))]
    relu = models.read_relu({"weights": weights, "biases": [random.normal(size=len(w)) / 10 for w in weights]})
    return models.to_ttfs(relu, random.random((40, 4)), margin=margin)


def _once(folder: Path) -> bool:
    """True for the first that asks."""
    try:
        (folder / "died").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def needs_margin(margin: float) -> eventsim.Network:
    """A recipe that makes nothing without a knob."""
    return network(margin)


def data() -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and as labels what the network says of them, but for one."""
    x = np.random.default_rng(8).random((N_SAMPLES, 4))
    labels = eventsim.simulate(network(), x, engine="reference", record="readout").predictions.copy()
    labels[0] = (labels[0] + 1) % 3
    return x, labels


def study(design: Any = None, **more: Any) -> Study:
    """Jitter on the small network, on the reference engine."""
    x, labels = data()
    given: dict[str, Any] = {"faults": [{"fault": "jitter"}], "engine": "reference", "seeds": 2} | more
    net = given.pop("network", None) or network()
    return Study(net, x, design or {"jitter.sigma": [0.0, 0.1, 0.5]}, given.pop("labels", labels), **given)


def told(results: Any) -> list[Any]:
    """All that is the same in every run of a study: everything but seconds."""
    found = []
    for entry in results.entries:
        values = {name: value for name, value in (entry.result or {}).items() if not name.endswith("seconds")}
        decisions = None if entry.decisions is None else entry.decisions.tolist()
        found.append((entry.number, entry.point, entry.state, entry.error, values, decisions))
    return found


def sloped(slope: str = "b1") -> eventsim.Network:
    """A recipe whose networks have other parameters."""
    weights = [np.eye(4), np.tri(3, 4)]
    relu = models.read_relu({"weights": weights, "biases": [np.zeros(len(one)) for one in weights]})
    return models.to_ttfs(relu, np.eye(4), slope=slope)


def undecided() -> eventsim.Network:
    """A recipe for a network that decides nothing."""
    net = eventsim.Network()
    cells = net.population("lif_delta", 2, "cells", tau_mem=10.0, v_threshold=1.0)
    net.connect(net.source(4, "input"), cells, eventsim.Dense(np.ones((2, 4))))
    return net


OFFSET = 0.0


def shifted(margin: float = 0.5) -> eventsim.Network:
    """A recipe that reads a global, which its own text does not show."""
    return network(margin + OFFSET)


def timed(margin: float = 0.5, time_unit: float = 1e-6) -> eventsim.Network:
    """A recipe for a network on chips, 6-12-10-3, with windows that a margin sets and a unit of time."""
    random = np.random.default_rng(5)
    weights = [random.normal(size=(12, 6)) / 2, random.normal(size=(10, 12)) / 2, random.normal(size=(3, 10))]
    relu = models.read_relu({"weights": weights, "biases": [random.normal(size=len(w)) / 10 for w in weights]})
    return models.to_ttfs(relu, random.random((30, 6)), margin=margin, windows="published", time_unit=time_unit)


def timed_data() -> np.ndarray:
    """Twenty inputs for it."""
    return np.random.default_rng(6).random((20, 6))
