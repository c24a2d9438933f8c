"""Delays that vary: those of synapses, or of the wires that they share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.checks import choice, flag, number
from eventsim.errors import FaultError
from eventsim.faults.contract import DeviceFault, check_per, check_projections, has_weights, keep
from eventsim.faults.device.weights import exact_of, in_numbers_of
from eventsim.faults.draws import Draws
from eventsim.network.convolution import Conv
from eventsim.network.nodes import Population, Projection
from eventsim.network.projections import Dense, OneToOne, Sparse, own_delays

Array = np.ndarray[Any, Any]
NEGATIVE = ("error", "zero", "redraw")
MOST_DRAWS = 1000


@dataclass(frozen=True, repr=False)
class DelayVariation(DeviceFault):
    """Delays have a Gaussian error: each synapse's own, or one for all synapses of a projection, which is one wire.

    Pools and projections from clocked populations are left alone: the ones have no delay of their own making, the
    delays of the others are counted in ticks.

    Parameters
    ----------
    sigma
        Standard deviation, in units of time, or by the delay where `relative`.
    relative
        Whether errors multiply the delay; one of 0 stays 0 then.
    per_synapse
        Whether each synapse of a projection with one delay for all gets a delay of its own. A dense or one-to-one
        projection becomes a sparse one, whose runs take longer; a convolution cannot.
    negative
        What becomes of a delay below 0, which no spike can have: "error", "zero" (their number is noted in the
        network's provenance), or "redraw" until it is none (a truncated distribution).
    per
        How often it is drawn: "chip" is once for all samples, "sample" or "batch" anew for each.
    batch_size
        How many sample ids are a batch.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        A sigma that is negative or not finite, choices that are none, projections that are no pairs of names; when a
        device is made, a delay below 0 that nothing was said about, or a convolution with a delay per synapse.
    """

    sigma: float
    relative: bool = False
    per_synapse: bool = False
    negative: str = "error"
    per: str = "chip"
    batch_size: int = 1
    projections: Sequence[tuple[str, str]] | None = None

    name = "delay_variation"
    equation = "d <- d + sigma xi, or d (1 + sigma xi) where relative, xi ~ N(0, 1); d >= 0"
    source = "delay mismatch and jitter of mixed-signal chips: J. Göltz et al. 2025 (DelGrad, code)"

    def __post_init__(self) -> None:
        remedy = "It is a standard deviation, in units of time."
        keep(
            self,
            sigma=number(self.name, "sigma", self.sigma, FaultError, low=0, remedy=remedy),
            relative=flag(self.name, "relative", self.relative, FaultError),
            per_synapse=flag(self.name, "per_synapse", self.per_synapse, FaultError),
            negative=choice(self.name, "negative", self.negative, NEGATIVE, FaultError),
        )
        check_per(self)
        check_projections(self)

    def acts_on(self, part: Any) -> bool:
        """Projections with weights, of senders without a clock."""
        return has_weights(part) and not (isinstance(part.pre, Population) and part.pre.model.clocked)

    def nothing_in(self, net: Any) -> str:
        """It looks for projections."""
        return (
            "it has no projection but pools and those of clocked populations, whose delays are counted in ticks; must "
            "have another one. Leave the fault out."
        )

    def alter(self, part: Any, draws: Draws) -> dict[str, Any]:
        """The delays with their errors."""
        if self.sigma == 0:
            return {}
        own = own_delays(part.kind)
        exact = part.kind.weights.dtype == object or isinstance(part.delay, Fraction)
        shared = exact_of([part.delay]) if exact else np.array([part.delay], dtype=np.float64)
        if own is None and not self.per_synapse:
            return {"delay": self._made(part, draws, shared, wire=True)[0]}
        if own is None and isinstance(part.kind, Conv):
            raise FaultError(
                f"{self.name} on {part!r}: per_synapse = True; a convolution is never unrolled into synapses, and must "
                "have one delay. Name other projections, or leave per_synapse out."
            )
        listed = part if own is not None else replace(part, kind=_listed(part))
        kind: Any = listed.kind
        ideal = np.broadcast_to(shared, kind.weights.shape) if own is None else own
        made = self._made(listed, draws, ideal, wire=False)
        return {"delays": made} if own is not None else {"projection": replace(kind, delays=made)}

    def _made(self, part: Projection, draws: Draws, ideal: Array, wire: bool) -> Array:
        """Delays with errors, none below 0, in the shape of `ideal`."""

        def varied(attempt: int) -> Array:
            noise = np.array([draws.normal_of_all(part, attempt)]) if wire else draws.normal(part, attempt)
            error = in_numbers_of(ideal, self.sigma * noise)
            return np.asarray(ideal + ideal * error if self.relative else ideal + error)

        made = varied(0)
        below = (made < 0).astype(bool)
        for attempt in range(1, MOST_DRAWS if self.negative == "redraw" else 1):
            if not below.any():
                break
            made = np.where(below, varied(attempt), made)
            below = (made < 0).astype(bool)
        if not below.any():
            return made
        said = f"{int(below.sum())} of {below.size} delays of {part.label}"
        if self.negative == "zero":
            draws.notes.append(f"{self.name}: {said} were drawn below 0, and are 0")
            return np.where(below, ideal * 0, made)
        raise FaultError(
            f"{self.name}: {said} would be below 0, down to {float(made.min()):.6g}; must be >= 0. Give a smaller "
            'sigma, relative=True, or negative="zero" or "redraw".'
        )


def _listed(part: Projection) -> Any:
    """The synapses of a projection one by one; draws belong to them, however they are stored."""
    kind: Any = part.kind
    if isinstance(kind, Dense):
        targets, sources = np.indices(kind.weights.shape)
        return Sparse(sources.ravel(), targets.ravel(), kind.weights.ravel())
    if isinstance(kind, OneToOne):
        neurons = np.arange(kind.weights.size)
        return Sparse(neurons, neurons, kind.weights)
    return kind
