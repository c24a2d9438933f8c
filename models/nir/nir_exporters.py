"""Files of step-based trainers: how each framework steps its neurons, and what its exporter writes of that.

A trainer's spike is a pulse of height 1 that lasts one step dt. In NIR's equations that is an impulse of area dt, and
forward Euler makes of them

    I := (1 - dt / tau_syn) I + dt w_in / tau_syn x        V := (1 - dt / tau) V + dt / tau (v_leak + r I)

Exporters differ in what of this they write. `in_terms_of_steps` turns what is in a node into parameters for which these
lines are the framework's own; where that decays by exp(-dt / tau), only the two factors 1 - dt / tau are others. Facts
are those of the sources of snnTorch 1.0.0, Norse 1.1.0, sinabs 3.1.3, SpikingJelly 2.0.0 and Rockpool 3.1.0, and are
tested against these packages. Relies on `nir_graph`. Used by `nir_neurons`, `nir_clocked` and `nir_read`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import choice, flag, number, shown
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
READINGS = ("continuous", "clocked")
RESETS = ("hard", "soft")
WHEN = ("at_spike", "next_tick", "before_leak")
TIMES = ("tau", "tau_mem", "tau_syn")


def _as_written(kind: str, given: dict[str, Array], dt: float, norm_input: bool) -> dict[str, Array]:  # noqa: ARG001
    return given


def _of_norse(kind: str, given: dict[str, Array], dt: float, norm_input: bool) -> dict[str, Array]:  # noqa: ARG001
    """Norse writes dt / tau_mem_inv for tau, and an input moves I, or the V of an IAF, by its weight."""
    found = given | {name: given[name] / dt for name in TIMES if name in given}
    if "w_in" in given:
        found["w_in"] = given["w_in"] * found["tau_syn"] / dt
    if "tau" not in given and "tau_mem" not in given:
        found["r"] = given["r"] / dt
    return found


def _of_sinabs(kind: str, given: dict[str, Array], dt: float, norm_input: bool) -> dict[str, Array]:  # noqa: ARG001
    """Sinabs writes tau in steps, and r = 1 whether inputs are multiplied by 1 - decay (``norm_input``) or not."""
    if "tau" not in given:
        return given | {"r": given["r"] / dt}
    share = -np.expm1(-1.0 / given["tau"]) if norm_input else 1.0
    return given | {"tau": given["tau"] * dt, "r": given["r"] * share * given["tau"]}


def _of_rockpool(kind: str, given: dict[str, Array], dt: float, norm_input: bool) -> dict[str, Array]:  # noqa: ARG001
    """Rockpool writes r = tau exp(-dt / tau) / dt, but adds inputs unweighted; an I decays with what it just got."""
    if "tau_mem" in given:
        gain = np.exp(-dt / given["tau_syn"]) / dt
        r = given["r"] * np.exp(dt / given["tau_mem"])
        return given | {"r": r, "w_in": given["w_in"] * given["tau_syn"] * gain}
    return given if kind == "LI" else given | {"r": given["r"] * np.exp(dt / given["tau"])}


class Exporter(NamedTuple):
    """How a framework steps its neurons.

    Attributes
    ----------
    kinds
        Kinds of neuron nodes that it writes.
    exponential
        Whether V decays by exp(-dt / tau), not by 1 - dt / tau.
    comparator
        The comparator of `lif_clocked`.
    reset
        The reset, "hard" or "soft"; None where the framework has both and its files do not say which.
    resets
        The `resets` of `lif_clocked`, for a soft and for a hard reset.
    resets_else
        The same for CubaLIF and for neurons that reach themselves, where these differ.
    in_terms_of_steps
        Gets the type of a node, its parameters, dt and `norm_input`; see above.
    normalises
        Whether inputs may be multiplied by 1 - decay, which its files do not say.
    starts_at_reset
        Whether V begins at v_reset.
    flat
        Whether its layers have one axis, and shapes of Input and Output those of batch and time before it.
    """

    kinds: tuple[str, ...]
    exponential: bool
    comparator: str
    reset: str | None
    resets: Mapping[str, str]
    in_terms_of_steps: Callable[[str, dict[str, Array], float, bool], dict[str, Array]]
    normalises: bool = False
    starts_at_reset: bool = False
    flat: bool = False
    resets_else: Mapping[str, str] | None = None


AT_SPIKE = {"hard": "at_spike", "soft": "at_spike"}
ALL = ("IF", "LIF", "CubaLIF", "I", "LI", "CubaLI")
EULER = Exporter(ALL, False, "strict", "hard", AT_SPIKE, _as_written)
# The reset to zero of Leaky comes before the leak; that of RLeaky, Synaptic and RSynaptic loses the input of its step.
DELAYED, DELAYED_ELSE = {"hard": "before_leak", "soft": "next_tick"}, {"hard": "next_tick", "soft": "next_tick"}
EXPORTERS = {
    "snntorch": Exporter(("LIF", "CubaLIF"), False, "strict", None, DELAYED, _as_written, resets_else=DELAYED_ELSE),
    "norse": Exporter(("IF", "LIF", "CubaLIF", "LI"), False, "strict", None, AT_SPIKE, _of_norse),
    "sinabs": Exporter(("IF", "LIF", "LI"), True, "inclusive", None, AT_SPIKE, _of_sinabs, normalises=True),
    "spikingjelly": Exporter(
        ("IF", "LIF", "CubaLIF"), False, "inclusive", "hard", AT_SPIKE, _as_written, starts_at_reset=True
    ),
    "rockpool": Exporter(("LIF", "CubaLIF", "LI"), True, "inclusive", "soft", AT_SPIKE, _of_rockpool, flat=True),
}


@dataclass(frozen=True)
class Manner:
    """In which way a graph is read; checked by `manner`.

    Attributes
    ----------
    strict
        Whether LIF and CubaLIF fire at v > v_threshold, in NIR's own reading and the continuous one.
    dt
        Area of an impulse, and period of the clock; None where impulses have area 1.
    clocked
        Whether neurons step, as `exporter` has it.
    name
        Name of the exporter, or None.
    resets
        The `resets` of all neurons; None takes what the exporter does.
    """

    strict: bool = False
    dt: float | None = None
    clocked: bool = False
    name: str | None = None
    reset: str = "hard"
    resets: str | None = None
    norm_input: bool = False

    @property
    def exporter(self) -> Exporter:
        """How the framework steps; forward Euler where none is named."""
        return EULER if self.name is None else EXPORTERS[self.name]

    @property
    def area(self) -> float:
        """Area of an impulse: dt, or 1 without one."""
        return 1.0 if self.dt is None else self.dt

    def in_terms_of_steps(self, kind: str, given: dict[str, Array]) -> dict[str, Array]:
        """The parameters of a node for pulses of height 1 and width dt; those of NIR's own reading as they are."""
        return given if self.dt is None else self.exporter.in_terms_of_steps(kind, given, self.dt, self.norm_input)

    def when(self, kind: str, recurrent: bool) -> str:
        """``resets`` of a clocked neuron, which may reach itself."""
        if self.resets is not None:
            return self.resets
        how = self.exporter
        other = how.resets_else is not None and (recurrent or kind == "CubaLIF")
        return (how.resets_else if other and how.resets_else is not None else how.resets)[self.reset]

    def decay(self, tau: Array) -> Array:
        """What a step leaves of V, or of I."""
        assert self.dt is not None
        return np.exp(-self.dt / tau) if self.exporter.exponential else 1.0 - self.dt / tau

    def described(self) -> dict[str, Any]:
        """For provenance."""
        found: dict[str, Any] = {"reading": "clocked" if self.clocked else "continuous", "dt": self.dt}
        if self.dt is not None:
            found |= {"exporter": self.name, "reset": self.reset}
        if self.clocked:
            found |= {"resets": self.resets}
        return found | ({"norm_input": self.norm_input} if self.exporter.normalises else {})


def manner(
    where: str,
    strict: bool,
    dt: float | None,
    reading: str,
    exporter: str | None,
    reset: str | None,
    resets: str | None,
    norm_input: bool | None,
) -> Manner:
    """Check the options of `read_nir` together.

    Raises
    ------
    InputError
        Options that are none, that need another, or that the exporter does not write and the user must say.
    """
    strict, clocked = flag(where, "strict", strict), choice(where, "reading", reading, READINGS) == "clocked"
    _check_needs(where, dt, clocked, {"exporter": exporter, "reset": reset, "norm_input": norm_input})
    if dt is None:
        return Manner(strict)
    remedy = "Give the exporter's step in the unit of the graph's time constants."
    step = float(number(where, "dt", dt, low=0, open_low=True, remedy=remedy))
    name = None if exporter is None else choice(where, "exporter", exporter, tuple(EXPORTERS))
    how = EULER if name is None else EXPORTERS[name]
    if resets is not None and not clocked:
        raise InputError(f"{where}: resets = {shown(resets)} with reading='continuous'; only a clocked reading has it.")
    if strict and clocked:
        raise InputError(
            f"{where}: strict = True with reading='clocked'; must be left out, since thresholds are compared as the "
            "exporter compares them. Leave it out."
        )
    if how.normalises and norm_input is None:
        raise InputError(
            f"{where}: norm_input is missing; {name}'s files do not say whether its LIF layers had it. Give "
            "norm_input=True (its default) or False."
        )
    if norm_input is not None and not how.normalises:
        raise InputError(
            f"{where}: norm_input = {shown(norm_input)}; must be given for exporter='sinabs' only. Leave it out."
        )
    if reset is None and how.reset is None:
        raise InputError(
            f"{where}: reset is missing; {name}'s files do not say which one its neurons had. Give reset='soft' "
            "(threshold subtracted) or reset='hard' (to v_reset)."
        )
    kept = how.reset if reset is None else choice(where, "reset", reset, RESETS)
    assert kept is not None
    when = None if resets is None else choice(where, "resets", resets, WHEN)
    normed = norm_input is not None and flag(where, "norm_input", norm_input)
    return Manner(strict, step, clocked, name, kept, when, normed)


def _check_needs(where: str, dt: float | None, clocked: bool, others: Mapping[str, Any]) -> None:
    """What has no meaning without dt."""
    given = [name for name, value in others.items() if value is not None]
    if dt is None and (clocked or given):
        what = "reading = 'clocked'" if clocked else f"{given[0]} = {shown(others[given[0]])}"
        raise InputError(
            f"{where}: {what} without dt; needs the exporter's step. Give dt= in the unit of the graph's time "
            "constants, such as dt=1e-4 for snnTorch's and SpikingJelly's files, whose constants are in seconds."
        )


def rockpool_step(tau: Array, r: Array) -> Array:
    """The dt for which r = tau exp(-dt / tau) / dt; z = dt / tau solves z e^z = 1 / r, by Newton's method."""
    z = 1.0 / (r + 1.0)
    for _ in range(60):
        grown = z * np.exp(z)
        z = z - (grown - 1.0 / r) / (np.exp(z) + grown)
    return z * tau


ALIKE = 1e-5  # relative; exporters divide in float32
LONGEST = 0.01  # a spike as an impulse of area 1 is then 100 times a pulse of this width


class Suspicion(NamedTuple):
    """A step for which a node seems to be written, and the exporter that must be named with it, if any."""

    dt: float
    exporter: str | None


def suspected(kind: str, given: Mapping[str, Array]) -> Suspicion | None:
    """The step for which a neuron node seems to be written: r = tau / dt and w_in = tau_syn / dt, or r = 1 / dt.

    Where that gives none, Rockpool's r = tau exp(-dt / tau) / dt, if its dt is a short decimal.
    """
    r, tau = given["r"], given.get("tau", given.get("tau_mem", np.ones(given["r"].shape)))
    if not ((r > 1.0).all() and (tau > 0.0).all()):
        return None
    plain = _one(tau / r)
    synapse = plain
    if "w_in" in given:
        synapse = _one(given["tau_syn"] / np.where(given["w_in"] > 0, given["w_in"], math.inf))
    found = None
    if plain is not None and synapse is not None and math.isclose(synapse, plain, rel_tol=ALIKE):
        found = Suspicion(plain, None)
    writes = kind in ("LI", "LIF") or (kind == "CubaLIF" and bool((given["w_in"] == 1.0).all()))
    if writes and (found is None or not _is_short(found.dt)):
        other = _one(rockpool_step(tau, r))
        if other is not None and _is_short(other):
            found = Suspicion(other, "rockpool")
    return found if found is not None and found.dt <= LONGEST else None


def agreed(found: Mapping[str, Suspicion]) -> dict[str, Suspicion]:
    """The suspicions of nodes, with one dt, the median, where they differ by no more than the roundings of float32."""
    groups: list[list[float]] = []
    for step in sorted(doubt.dt for doubt in found.values()):
        if groups and math.isclose(step, groups[-1][0], rel_tol=ALIKE):
            groups[-1].append(step)
        else:
            groups.append([step])
    common = {step: _decimal(group[len(group) // 2]) for group in groups for step in group}
    return {name: doubt._replace(dt=common[doubt.dt]) for name, doubt in found.items()}


def _one(steps: Array) -> float | None:
    """What all of them are, as far as float32 tells; None where they differ."""
    first = float(steps.flat[0])
    if not math.isfinite(first) or first <= 0 or (np.abs(steps - first) > ALIKE * first).any():
        return None
    return _decimal(first)


def _decimal(step: float) -> float:
    """The decimal of three digits that a step is, as far as float32 tells; else the step itself."""
    short = float(f"{step:.3g}")
    return short if math.isclose(short, step, rel_tol=ALIKE) else step


def _is_short(step: float) -> bool:
    return float(f"{step:.2g}") == step
