"""What `sensitivity` found: gradients of margins by spike times, and what they say about noise.

Relies on tables. Made by `eventsim.models.sensitivity`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from eventsim.checks import names as checked_names
from eventsim.checks import number
from eventsim.errors import InputError, listed, nearest
from eventsim.table import Column, Table, Tabled
from eventsim.wording import neuron_text

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Tabled):
    """The result of `eventsim.models.sensitivity`.

    Attributes
    ----------
    margins : array (n_samples,)
        How far each decision is from the next one, in V.
    gradients : dict of arrays (n_samples, size)
        By source and population: how the margin moves where a neuron's spike comes later, all that follows included, in
        V per unit of time; 0 of silent neurons.
    times : dict of arrays (n_samples, size)
        The spike times, inf = silent.
    shapes
        Of the populations, by name.
    noisy
        Populations on which emission faults act where they name none: those that spike, without pools.
    """

    margins: Array
    gradients: dict[str, Array]
    times: dict[str, Array]
    shapes: Mapping[str, Sequence[int]]
    noisy: tuple[str, ...]

    def variance(self, sigma: float, populations: Iterable[str] | None = None) -> Array:
        """Predicted variance of each margin under jitter of standard deviation `sigma`, (n_samples,), in V^2.

        It is sigma^2 times the sum of the squared gradients (first order), so for small sigma; silent neurons stay
        silent.

        Parameters
        ----------
        sigma
            In units of time.
        populations
            Those whose spikes are jittered; None takes all that spike, without sources and pools.

        Raises
        ------
        InputError
            A sigma < 0, an unknown population.
        """
        sigma = float(number("sensitivity.variance", "sigma", sigma, low=0, remedy="It is a standard deviation."))
        total = np.zeros(len(self.margins))
        for name in self._chosen(populations):
            total += (self.gradients[name] * self.gradients[name]).sum(axis=1)
        return sigma * sigma * total

    def flip_probability(self, sigma: float, populations: Iterable[str] | None = None) -> Array:
        """Predicted probability that jitter turns the decision of each sample into the next one, (n_samples,).

        That a normal number of the predicted variance is below minus the margin: first order, and the second-best
        output alone.
        """
        deviations = np.sqrt(self.variance(sigma, populations))
        normal = NormalDist()
        return np.array(
            [
                normal.cdf(-margin / deviation) if deviation > 0 else float(margin < 0)
                for margin, deviation in zip(self.margins.tolist(), deviations.tolist(), strict=True)
            ]
        )

    def ranking(self, population: str) -> Array:
        """Neurons of a population by how much the margins owe to their times, the most first, array (size,).

        By the root mean square of the gradients over the samples.
        """
        (name,) = self._chosen([population])
        found: Array = np.argsort(-self._sizes(name), kind="stable")
        return found

    def table(self) -> Table:
        """A row for each population that carries spikes.

        Columns: layer; norm, the root mean square over the samples of the length of the gradient, which is the standard
        deviation of the margin for jitter of 1; share of the variance, for equal jitter of all layers but sources and
        pools; the neuron with the largest root mean square, and that.
        """
        columns = [Column("layer", text=True), Column("norm", ".4g"), Column("share", ".1%", missing="-")]
        columns += [Column("largest neuron", text=True), Column("its norm", ".4g")]
        total = sum(float((self.gradients[name] ** 2).sum()) for name in self.noisy)
        rows: list[tuple[Any, ...]] = []
        for name, gradient in self.gradients.items():
            sizes = self._sizes(name)
            if not np.isfinite(self.times[name]).any():
                continue
            squares = float((gradient**2).sum())
            share = squares / total if name in self.noisy and total else None
            largest = int(sizes.argmax())
            norm = float(np.sqrt(squares / len(gradient)))
            rows.append((name, norm, share, neuron_text(largest, self.shapes[name]), float(sizes[largest])))
        return Table(tuple(columns), tuple(rows), below=(self._verdict(),))

    def to_json(self) -> str:
        """Return the table and the margins as JSON."""
        return json.dumps({"layers": list(self.table()), "margins": self.margins.tolist()})

    def _sizes(self, name: str) -> Array:
        gradient = self.gradients[name]
        sizes: Array = np.sqrt((gradient * gradient).mean(axis=0))
        return sizes

    def _verdict(self) -> str:
        sample = int(self.margins.argmin())
        return f"smallest margin {self.margins[sample]:.4g} V, sample {sample} of {len(self.margins)}"

    def _chosen(self, populations: Iterable[str] | None) -> list[str]:
        if populations is None:
            return list(self.noisy)
        found = checked_names("sensitivity", "populations", populations)
        for name in found:
            if name not in self.gradients:
                raise InputError(
                    f"sensitivity: unknown population {name!r}{nearest(name, self.gradients)}; must be one of "
                    f"{listed(self.gradients)}. Name one of them."
                )
        return found

    def __repr__(self) -> str:
        return f"Sensitivity: {len(self.margins)} samples, {len(self.gradients)} populations; {self._verdict()}"
