"""The neurons of NIR, and the models and parameters that are the same here.

NIR's inputs are sums of Dirac impulses, w at each spike, and of constants b (from the biases of affine maps):

==========  ==================================================  ============================================
I           dv/dt = R I                                         `step_psp`, `if_delta` where b is not 0
IF          the same; v > v_threshold fires, v := v_reset       the same; V > v_threshold
LI          tau dv/dt = v_leak - v + R I                        `lif_delta`
LIF         the same; fires and is reset as above               `lif_delta`; V >= v_threshold
CubaLI      tau_syn dI/dt = -I + w_in S, and LI with this I     `lif_exp`
CubaLIF     the same; fires and is reset as above               `lif_exp`; V >= v_threshold
==========  ==================================================  ============================================

So an impulse moves v by R w (I, IF) or R w / tau (LI, LIF), and I by w_in w / tau_syn; a constant adds R b to dv/dt, or
to the resting potential; behind a synapse it comes up with tau_syn, which is a current R w_in b that is there from the
start, and an I that starts at -w_in b. What never fires has the threshold `NEVER`.

NIR does not say where v begins; here it is 0, and I is 0. Files of step-based trainers mean impulses of another area
(`nir_exporters`), or are read as the steps that they come from (`nir_clocked`). Relies on these and on `nir_graph`.
Used by `nir_read` and `nir_write`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.models.nir.nir_clocked import clocked_neurons, shifted
from eventsim.models.nir.nir_exporters import TIMES, Manner, Suspicion, suspected
from eventsim.models.nir.nir_graph import GRADED, Graph, values
from eventsim.models.nir.nir_maps import Shape

Array = np.ndarray[Any, Any]
NEVER = 1e300  # a threshold that no potential reaches; its rounding is far from overflowing
PARAMETERS = {
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
}
AT_EQUALITY = "fires at V >= v_threshold, where NIR has v > v_threshold"


class Neurons(NamedTuple):
    """A population: its model, parameters, and by what the weights of its inputs are multiplied, an array (size,)."""

    model: str
    parameters: dict[str, Any]
    gain: Array


def own_shape(graph: Graph, name: str) -> Shape:
    """The shape of a neuron node's parameters; () where all of them are single numbers."""
    shapes = {values(graph, name, parameter).shape for parameter in PARAMETERS[graph.kind(name)]}
    shapes = {shape for shape in shapes if math.prod(shape) != 1} or {()}
    if len(shapes) > 1:
        raise graph.error(name, f"parameters have shapes {sorted(shapes)}; must be equal. Give one number a neuron.")
    (shape,) = shapes
    if 0 in shape:
        raise graph.error(name, f"parameters have shape {shape}; must have at least one neuron. Remove the node.")
    return shape


def parameters_of(graph: Graph, name: str, size: int) -> dict[str, Array]:
    """The parameters of a neuron node, each an array (size,)."""
    found = {}
    for parameter in PARAMETERS[graph.kind(name)]:
        given = values(graph, name, parameter).ravel()
        if given.size not in (1, size):
            raise graph.error(name, f"{parameter} has {given.size} numbers; must have {size}. Give one a neuron.")
        found[parameter] = np.broadcast_to(given, (size,))
    return found


def read_neurons(
    graph: Graph, name: str, shape: Shape, constant: Array | None, manner: Manner, recurrent: bool = False
) -> Neurons:
    """The population of a neuron node.

    Parameters
    ----------
    constant : array (size,)
        The sum of the biases that reach it, or None.
    recurrent
        Whether its spikes reach it, over linear nodes alone.
    manner
        Whether it lives in continuous time, what area impulses have, and whether thresholds of LIF and CubaLIF are
        raised to the next number, so that V >= threshold is v > v_threshold.
    """
    kind, size = graph.kind(name), math.prod(shape)
    if kind not in manner.exporter.kinds:
        raise graph.error(
            name,
            f"with exporter={manner.name!r}, which writes {', '.join(manner.exporter.kinds)} only. Who wrote the file?",
        )
    given = parameters_of(graph, name, size)
    for parameter in [parameter for parameter in TIMES if parameter in given]:
        bad = np.flatnonzero(given[parameter] <= 0)
        if bad.size:
            raise graph.error(
                name,
                f"{parameter}[{bad[0]}] = {given[parameter][bad[0]]}; must be > 0. Correct it or remove the neuron.",
            )
    given = manner.in_terms_of_steps(kind, given)
    constant = np.zeros(size) if constant is None else constant
    if manner.clocked:
        return Neurons("lif_clocked", *clocked_neurons(graph, name, given, constant, manner, NEVER, recurrent))
    found = _continuous(graph, name, given, constant, manner)
    return found if manner.dt is None else found._replace(gain=manner.dt * found.gain)


def _continuous(graph: Graph, name: str, given: dict[str, Array], constant: Array, manner: Manner) -> Neurons:
    """The population of a neuron node in continuous time, with impulses of area 1."""
    kind, drive = graph.kind(name), given["r"] * constant
    potentials: dict[str, Any] = {"v_threshold": np.full(constant.shape, NEVER)}
    if kind not in GRADED:
        potentials = {key: given[key] for key in ("v_threshold", "v_reset")}
        if manner.reset == "soft" and kind == "CubaLIF":  # V crosses its threshold without a jump
            potentials["v_reset"] = np.zeros(constant.shape)
        start = given["v_reset"] if manner.dt is not None and manner.exporter.starts_at_reset else None
        _check_reset(graph, name, potentials, start)
        if manner.strict and kind != "IF":
            potentials["v_threshold"] = np.nextafter(potentials["v_threshold"], math.inf)
        if kind != "CubaLIF" and manner.reset == "soft":
            potentials["reset"] = "soft"
        if start is not None:
            potentials["v_init"] = start
    if kind in ("I", "IF"):
        if not drive.any():
            return Neurons("step_psp", {**potentials, "comparator": "strict"}, given["r"])
        return Neurons("if_delta", {**potentials, "current": drive, "comparator": "strict"}, given["r"])
    if kind in ("LI", "LIF"):
        leak = {"tau_mem": given["tau"], "v_leak": given["v_leak"], "current": drive}
        return Neurons("lif_delta", potentials | leak, given["r"] / given["tau"])
    synapse = {key: given[key] for key in ("tau_mem", "tau_syn", "r", "v_leak")} | {"current": drive * given["w_in"]}
    if constant.any():
        synapse["i_init"] = -given["w_in"] * constant
    return Neurons("lif_exp", potentials | synapse, given["w_in"] / given["tau_syn"])


def suspicion(graph: Graph, name: str) -> Suspicion | None:
    """The step for which a neuron node seems to be written, if any."""
    size = math.prod(own_shape(graph, name))
    return suspected(graph.kind(name), parameters_of(graph, name, size))


def fidelity(
    graph: Graph, name: str, manner: Manner, doubt: Suspicion | None, recurrent: bool = False
) -> tuple[str, str]:
    """How a neuron node is represented, and in what that differs."""
    kind = graph.kind(name)
    spiking = kind not in GRADED
    if manner.clocked:
        note = f"lif_clocked with period {manner.dt:g}, steps of {manner.name or 'forward Euler'}"
        if spiking:
            note += f", {manner.reset} reset, resets='{manner.when(kind, recurrent)}'"
        if spiking and shifted({key: values(graph, name, key) for key in PARAMETERS[kind]}, manner):
            note += "; V is less v_reset, where it begins"
        return "clocked", note
    notes = [] if spiking else ["never fires: its potential is recorded"]
    if kind in ("LIF", "CubaLIF") and not manner.strict:
        notes.append(AT_EQUALITY)
    if manner.dt is not None:
        area = f"impulses have the area {manner.dt:g}, where NIR has 1"
        return "impulses of area dt", "; ".join([area, *notes])
    if doubt is not None:
        return "doubtful", "; ".join([doubtful(doubt), *notes])
    return ("faithful except at equality" if AT_EQUALITY in notes else "faithful"), "; ".join(notes)


def doubtful(doubt: Suspicion) -> str:
    """What is wrong with a file that seems to be written for steps."""
    also = "" if doubt.exporter is None else f", exporter={doubt.exporter!r}"
    return (
        f"seems to be written for steps of {doubt.dt:g}, in which a spike is a pulse of height 1; as impulses of area "
        f"1, which NIR has, spikes are {1 / doubt.dt:,.0f} times too strong. Read it with dt={doubt.dt:g}{also}"
    )


def _check_reset(graph: Graph, name: str, potentials: dict[str, Array], start: Array | None) -> None:
    """Refuse neurons that are above their threshold before anything happens, or after a spike; None starts at 0."""
    threshold = potentials["v_threshold"]
    first = np.zeros(threshold.size) if start is None else start
    for what, potential in (("v_reset", potentials["v_reset"]), ("its start", first)):
        bad = np.flatnonzero(potential >= threshold)
        if bad.size:
            raise graph.error(
                name,
                f"v_threshold[{bad[0]}] = {threshold[bad[0]]}; must be above {what} ({potential[bad[0]]}), else the "
                "neuron fires without end. Shift its potentials.",
            )
