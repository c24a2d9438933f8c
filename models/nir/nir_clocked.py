"""The neurons of NIR in steps of time: `lif_clocked` as the framework steps it that a file comes from.

With V' = V - s, s being where V begins, the two lines of `nir_exporters` are

    I := decay_syn I + dt w_in / tau_syn dt r / tau x        V' := decay V' + I + (1 - decay) (v_leak - s)

of `lif_clocked`, where x holds the biases, too. Relies on `nir_exporters`. Used by `nir_neurons`.
"""

from typing import Any

import numpy as np

from eventsim.models.nir.nir_exporters import Manner
from eventsim.models.nir.nir_graph import GRADED, Graph

Array = np.ndarray[Any, Any]
SNAPPED = 1e-6  # what a few divisions in float32 make of a factor of 1


def clocked_neurons(
    graph: Graph, name: str, given: dict[str, Array], constant: Array, manner: Manner, never: float, recurrent: bool
) -> tuple[dict[str, Any], Array]:
    """The parameters of a `lif_clocked` population, and by what the weights of its inputs are multiplied.

    Parameters
    ----------
    given : dict of arrays (size,)
        Parameters of the node, for pulses of height 1 and width dt.
    constant : array (size,)
        The sum of the biases that reach it.
    never
        A threshold that no potential reaches.
    recurrent
        Whether the node reaches itself.

    Raises
    ------
    NodeError
        Steps longer than a time constant; a resting potential behind a synapse, which `lif_clocked` does not have.
    """
    kind, dt = graph.kind(name), manner.dt
    assert dt is not None
    leaky = {"LI": "tau", "LIF": "tau", "CubaLI": "tau_mem", "CubaLIF": "tau_mem"}.get(kind)
    decay, gain = np.ones(constant.shape), dt * given["r"]
    if leaky is not None:
        decay = _decay(graph, name, leaky, given[leaky], manner)
        gain = dt * given["r"] / given[leaky]
    start = np.zeros(constant.shape)
    if manner.exporter.starts_at_reset and kind not in GRADED:
        start = given["v_reset"]
    rest = (1.0 - decay) * (given.get("v_leak", start) - start)
    parameters: dict[str, Any] = {"period": dt, "decay": decay}
    if "tau_syn" in given:
        parameters["decay_syn"] = _decay(graph, name, "tau_syn", given["tau_syn"], manner)
        gain = gain * _snapped(dt * given["w_in"] / given["tau_syn"])
        bad = np.flatnonzero(rest)
        if bad.size:
            raise graph.error(
                name,
                f"v_leak[{bad[0]}] = {given['v_leak'][bad[0]]}; must be {start[bad[0]]:g}, where V begins, with "
                "reading='clocked': lif_clocked has no rest behind a synapse. Shift its potentials, or leave that out.",
            )
    gain = _snapped(gain)
    parameters["bias"] = gain * constant + rest
    if kind in GRADED:
        return parameters | {"v_threshold": never}, gain
    options = {"reset": manner.reset, "resets": manner.when(kind, recurrent), "comparator": manner.exporter.comparator}
    potentials = {"v_threshold": given["v_threshold"] - start, "v_reset": given["v_reset"] - start}
    return parameters | potentials | options, gain


def _decay(graph: Graph, name: str, parameter: str, tau: Array, manner: Manner) -> Array:
    """What a step leaves; in float32 where the file is, so that it is what the exporter had."""
    decay = manner.decay(tau)
    written = getattr(getattr(graph.nodes[name], parameter), "dtype", None)
    if str(written).endswith("float32"):
        decay = decay.astype(np.float32).astype(np.float64)
    bad = np.flatnonzero(decay < -SNAPPED)
    if bad.size:
        raise graph.error(
            name,
            f"{parameter}[{bad[0]}] = {tau[bad[0]]:g} is shorter than dt = {manner.dt:g}; must be longer, else a step "
            "turns V around. Is dt in the unit of the graph's time constants, and the exporter right?",
        )
    return np.clip(decay, 0.0, 1.0)


def _snapped(gain: Array) -> Array:
    """Factors of 1 that were rounded on the way are 1 again."""
    return np.where(np.abs(gain - 1.0) <= SNAPPED, 1.0, gain)


def shifted(given: dict[str, Array], manner: Manner) -> bool:
    """Does V begin elsewhere than at 0, so that what is recorded is V less that?"""
    return manner.exporter.starts_at_reset and "v_reset" in given and bool(given["v_reset"].any())
