"""Spike-response neuron with alpha-shaped potentials (I. M. Comsa et al. 2020, arXiv 1907.13223).

V(t) = sum of w (t - t_j) e^(-(t - t_j) / tau_syn) over the inputs so far; the paper's K is 1 / tau_syn. An input of
weight w adds at most w tau_syn / e to V, tau_syn after it came. V >= v_threshold fires, V := v_reset and is held there
for t_ref, while what earlier inputs still add is kept; ``spikes="once"``, as in the paper, holds it for ever.

As a state: dV/dt = -V / tau_syn + I and dI/dt = -I / tau_syn, an input moves I by w. This is `lif_exp` with equal time
constants, r = tau_mem and no drive, whose functions serve here; where the paper has the Lambert W function, which loses
half of the digits near tangency, there is a bracketed root.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.neurons.lif_exp import LIF_EXP
from eventsim.models.neurons.options import (
    HELD,
    RESET,
    SPIKES,
    START,
    THRESHOLD,
    check_potentials,
    holding,
    time_constant,
)
from eventsim.network.neuron_model import Array, register


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("alpha_psp", parameters)
    tau, none = parameters["tau_syn"], np.zeros(parameters["tau_syn"].size)
    return [
        tau, tau, parameters["v_threshold"], parameters["v_reset"], none, none + 1.0, tau / np.e,
        holding(parameters), parameters["v_init"], none,
    ]  # fmt: skip


PARAMETERS = (
    time_constant("tau_syn", "time constant of the potentials, 1 / K"),
    THRESHOLD, RESET, HELD, START, SPIKES,
)  # fmt: skip

ALPHA_PSP = register(
    replace(
        LIF_EXP, name="alpha_psp", parameters=PARAMETERS, prepare=_rows, shared=("tau_syn",),
        equation="V = the sum of w (t - t_j) e^(-(t - t_j) / tau_syn) over the inputs so far\n"
        "V >= v_threshold fires; V := v_reset, held there for t_ref while inputs go on to add",
        source="I. M. Comsa et al. 2020, arXiv 1907.13223",
        by_receptors=None,
    )
)  # fmt: skip
