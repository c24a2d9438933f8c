"""Phase-change memory: weights that are programmed into devices, drift, and are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import choice, number
from eventsim.errors import FaultError
from eventsim.faults.contract import check_per, check_projections, keep
from eventsim.faults.device.conductances import COMPENSATIONS, PATHS, compensation, ideal_of, pair_of
from eventsim.faults.device.pcm_devices import PCM_DEVICES, PcmDevice
from eventsim.faults.device.weights import WeightFault
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
PROGRAM, DRIFT, READ, STAGES = range(4)  # the number of a draw is that of the device times STAGES, and the stage


@dataclass(frozen=True, repr=False)
class PCM(WeightFault):
    """Weights are held by differential pairs of phase-change devices: programmed, drifted, read, in this order.

    Conductances are relative, r = g / g_max; the largest weight of a projection is programmed to g_max, and a
    conductance below 0 is 0. A projection whose weights are all 0 stays as it is. In a time-to-first-spike network
    drift makes weights smaller but not thresholds, which are no conductances: a B1 neuron computes
    ReLU(c W x + b) with c below 1, and the mismatch grows from layer to layer. `compensate` mends the mean of it.

    Parameters
    ----------
    t_inf
        Seconds between the first possible read (t_0 after programming: 20 s, of Hermes 200 or 300 s) and inference.
    device
        "pcm", "hermes1" or "hermes2": whose numbers.
    path
        "pair": both devices drift and are read, each by itself. "collapsed": what was programmed is one weight again,
        which one device holds, scaled by the largest weight that was programmed, errors included.
    compensate
        "global" multiplies all weights of a projection by one number, "column" those of each output by its own, so that
        their mean size is what was programmed; None leaves drift as it is.
    programming, drift, read
        By what the published strength of each is multiplied: 1 is as published, 0 leaves it out.
    per
        How often weights are read: once ("chip"), for each "sample", or for each "batch". They are programmed once.
    batch_size
        How many sample ids are a batch.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Times or strengths that are negative or not finite, choices that are none, projections that are no pairs.
    """

    t_inf: float = 0.0
    device: str = "pcm"
    path: str = "pair"
    compensate: str | None = None
    programming: float = 1.0
    drift: float = 1.0
    read: float = 1.0
    per: str = "chip"
    batch_size: int = 1
    projections: Sequence[tuple[str, str]] | None = None

    name = "pcm"
    equation = (
        "r = g / g_max; t = t_inf + t_0; xi ~ N(0, 1) of its own for each device and stage\n"
        "program: r_p = max(0, r + sigma_p(r) xi)\n"
        "drift: r_d = r_p (t / t_0)^-nu, nu = |mu_nu(r) + sigma_nu(r) xi|\n"
        "read: max(0, r_d (1 + Q(r_p) sqrt(ln((t + t_read) / (2 t_read))) xi))\n"
        "pcm, in µS: sigma_p = 0.26348 + 1.9650 r - 1.1731 r^2; mu_nu = -0.0155 ln r + 0.0244 in 0.049 … 0.1;\n"
        "sigma_nu = -0.0125 ln r - 0.0059 in 0.008 … 0.045; Q = min(0.0088 / max(r^0.65, 0.001), 0.2)"
    )
    source = "S. R. Nandakumar et al. 2019; M. Le Gallo et al. 2023 (Hermes); both as in aihwkit 1.1.0"

    def __post_init__(self) -> None:
        remedy = "It is in seconds."
        keep(self, t_inf=number(self.name, "t_inf", self.t_inf, FaultError, low=0, remedy=remedy))
        choice(self.name, "device", self.device, tuple(PCM_DEVICES), FaultError)
        choice(self.name, "path", self.path, PATHS, FaultError)
        if self.compensate is not None:
            choice(self.name, "compensate", self.compensate, COMPENSATIONS, FaultError, also=", or None")
        for stage in ("programming", "drift", "read"):
            remedy = "It multiplies the published strength; 0 leaves it out."
            keep(self, **{stage: number(self.name, stage, getattr(self, stage), FaultError, low=0, remedy=remedy)})
        check_per(self)
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """The weights as they are read at `t_inf`."""
        weights, largest = ideal_of(part)
        drifts = self.drift > 0 and self.t_inf > 0
        if largest == 0 or not (self.programming > 0 or drifts or self.read > 0):
            return None
        device, chip = PCM_DEVICES[self.device], draws.of_chip()
        targets = pair_of(weights, largest)
        held = [self._programmed(device, r, chip, part, k) for k, r in enumerate(targets)]
        programmed, scale = (held[0] - held[1]) * largest, largest
        if self.path == "collapsed":
            scale = float(np.abs(programmed).max())
            if scale == 0:
                return programmed
            held = list(pair_of(programmed, scale))
        exponents = [self._exponents(device, r, chip, part, k) for k, r in enumerate(targets)]
        now = [device.drifted(r, nu, self.t_inf) for r, nu in zip(held, exponents, strict=True)]
        seen = [self._read(device, r, left, draws, part, k) for k, (r, left) in enumerate(zip(held, now, strict=True))]
        made = (seen[0] - seen[1]) * scale
        return made * compensation(part, self.compensate, programmed, made)

    def _programmed(self, device: PcmDevice, r: Array, draws: Draws, part: Projection, k: int) -> Array:
        if self.programming == 0:
            return r
        noise = draws.normal(part, STAGES * k + PROGRAM)
        return np.maximum(r + self.programming * device.programming_error(r) * noise, 0.0)

    def _exponents(self, device: PcmDevice, r: Array, draws: Draws, part: Projection, k: int) -> Array:
        if self.drift == 0 or self.t_inf == 0:
            return np.zeros_like(r)
        mean, sigma = device.exponents(r)
        return self.drift * np.abs(mean + sigma * draws.normal(part, STAGES * k + DRIFT))

    def _read(self, device: PcmDevice, r: Array, left: Array, draws: Draws, part: Projection, k: int) -> Array:
        if self.read == 0:
            return left
        noise = draws.normal(part, STAGES * k + READ)
        return np.maximum(left + left * self.read * device.read_error(r, self.t_inf) * noise, 0.0)
