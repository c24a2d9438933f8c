"""The neuron-model contract: a model is a value made of parameters, dynamics and a regime.

Relies on `dynamics` and `regimes`. Used by the network (validation), by both engines and by `eventsim.models.neurons`
(one file per family).
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import ModelError, listed
from eventsim.network.dynamics import Dynamics
from eventsim.network.regimes import Clocked, Free, Regime, Relay, Windowed
from eventsim.network.spellings import MODELS, PARAMETERS, meant, of_receptors
from eventsim.table import Column, Table, Tabled
from eventsim.wording import name_text, several

Array = np.ndarray[Any, Any]
MOST_RECEPTORS = 4  # each makes the loop of its models longer, and their recorded states
ONCE = 1.0  # the number of "once" among the choices of a parameter `spikes`


@dataclass(frozen=True)
class Parameter:
    """One parameter of a neuron model.

    Attributes
    ----------
    name
        NIR's spelling where NIR has one.
    unit
        One of "V" (whatever unit the potentials have), "time" (the network's unit), "V/time", "1/V", "1" and
        "choice".
    meaning
        What it is, in one line.
    default
        Its value where the user gives none; None where the user must give one.
    low
        Smallest allowed value; exclusive where `open_low`.
    choices
        Allowed strings of a choice; the engine sees their index.
    steps
        Whether it may change in time, piece by piece. Such a parameter may not be in what `initial` returns or `held`
        uses.
    each_receptor
        Whether a neuron with receptors has one for each of them.
    incoming
        The parameter to which this one adds the sum of all incoming weights, or "" where it is no such sum. It follows
        where faults change either.
    infinite
        Whether it may be infinite, where that is no limit.
    """

    name: str
    unit: str
    meaning: str
    default: float | str | None = None
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    choices: tuple[str, ...] = ()
    steps: bool = False
    each_receptor: bool = False
    incoming: str = ""
    infinite: bool = False

    def of(self, receptor: str) -> "Parameter":
        """Return what the parameter is for one of a neuron's receptors."""
        name, meaning = receptor_parameter(self.name, receptor), f"{self.meaning.split(';')[0]}, of receptor {receptor}"
        return replace(self, name=name, meaning=meaning, each_receptor=False)

    @property
    def allowed(self) -> str:
        """What it may be, in words: "> 0 and finite", "hard or soft"."""
        if self.choices:
            return " or ".join(self.choices)
        limits = [f"{'>' if self.open_low else '>='} {self.low:g}"] if math.isfinite(self.low) else []
        limits += [f"<= {self.high:g}"] if math.isfinite(self.high) else []
        limits += ["finite"] if not (math.isfinite(self.high) or self.infinite) else []
        if limits in ([], ["finite"]):
            return "any number" if self.infinite else "a finite number"
        return " and ".join(limits)


def receptor_parameter(name: str, receptor: str) -> str:
    """What the parameter `name` is called that belongs to one receptor."""
    return f"{name}_{receptor}"


@dataclass(frozen=True, repr=False)
class Model(Tabled):
    """A neuron model: what it does (`Dynamics`), how it lives in time (`Regime`), and what a user gives it.

    Attributes
    ----------
    parameters
        What a user may give, in the order in which they are shown.
    prepare
        Turns the user's parameters, arrays (size,) by name, and the window into the rows (size,) that the dynamics see.
    shared
        Parameters that must be equal over a population whose neurons are updated together; where they differ, each
        neuron is updated alone.
    threshold
        The parameter that `explain` shows as threshold.
    family
        Models of one family share their compiled loops where loops are broad (``EVENTSIM_LOOPS=broad``).
    bounded
        The same dynamics with a running rounding bound, or None.
    receptors
        Names of the kinds of inputs that its neurons tell apart; () where there is one, which has no name.
    by_receptors
        Returns `prepare` and the dynamics for such names; None where there is one kind only. Of several receptors,
        ``receive(s, w, receptor)`` is told which of them an input reaches.
    equation
        Its equations, with an input, the threshold and the reset: a line or several, for people.
    source
        Where they come from.
    """

    name: str
    parameters: tuple[Parameter, ...]
    prepare: Callable[[Mapping[str, Array], Any], Sequence[Array]]
    dynamics: Dynamics
    regime: Regime = Free()  # noqa: RUF009 - frozen
    shared: tuple[str, ...] = ()
    threshold: str = "threshold"
    family: str = ""
    bounded: Dynamics | None = None
    receptors: tuple[str, ...] = ()
    by_receptors: Callable[[tuple[str, ...]], tuple[Any, Dynamics]] | None = None
    equation: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.regime, Regime):
            raise ModelError(
                f"{self.name}: regime = {shown(self.regime)}; must be a value of Free, Windowed, Clocked or Relay. "
                "Give e.g. Free()."
            )
        lacking = {"period", "sees"} - {parameter.name for parameter in self.parameters}
        if self.clocked and lacking:
            raise ModelError(
                f"{self.name}: its regime is Clocked, and it has no parameter {', '.join(sorted(lacking))}; must have "
                "both, as lif_clocked does. Add them."
            )

    def table(self) -> Table:
        """What it is and what a user gives it, as a table: a row for each parameter, below its equations."""
        columns = [Column(name, text=True) for name in ("parameter", "unit", "meaning")]
        columns += [Column("default", _default_text, missing="required"), Column("allowed", text=True)]
        rows = [(one.name, one.unit, one.meaning, one.default, one.allowed) for one in self.parameters]
        above = [self.name, *(f"  {line}" for line in self.equation.splitlines())]
        if self.windowed:
            above.append(f"  window=(t_start, t_min{', t_max' if self.spiking else ''}) says when")
        below = (f"  source: {self.source}",) if self.source else ()
        return Table(tuple(columns), tuple(rows), (*above, ""), below, indent=2)

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return f"Model {name_text(self.name)}: {several(one.name for one in self.parameters) or 'no parameters'}"

    @property
    def windowed(self) -> bool:
        """Does it take a window?"""
        return isinstance(self.regime, Windowed)

    @property
    def deaf(self) -> bool:
        """Do inputs from t_min on change nothing?"""
        return isinstance(self.regime, Windowed) and self.regime.deaf

    @property
    def spiking(self) -> bool:
        """Does it fire? Read-out integrators do not."""
        return not isinstance(self.regime, Windowed) or self.regime.spiking

    @property
    def single_spike(self) -> bool:
        """Does it fire once at most?"""
        return self.regime.once if isinstance(self.regime, Free) else not self.clocked

    @property
    def jumps(self) -> bool:
        """Does an input move V itself?"""
        return self.regime.jumps if isinstance(self.regime, Free) else self.relay

    @property
    def clocked(self) -> bool:
        """Does it live on a clock?"""
        return isinstance(self.regime, Clocked)

    @property
    def relay(self) -> bool:
        """Does it pass on what others sent?"""
        return isinstance(self.regime, Relay)

    @property
    def in_cohorts(self) -> bool:
        """May neurons share a time of last update? Not those that are reset, and so advanced, at times of their own."""
        return self.single_spike or not self.spiking or self.clocked

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables of its state, those of receptors by the names of these."""
        numbered = {f"_{k}": f"_{name}" for k, name in enumerate(self.receptors)} if len(self.receptors) > 1 else {}
        return tuple(
            f"{name[:-2]}{numbered[name[-2:]]}" if name[-2:] in numbered else name for name in self.dynamics.state
        )

    def with_bounds(self, wanted: bool = True) -> "Model":
        """The model with dynamics that carry rounding bounds, if that is wanted and it has them."""
        return replace(self, dynamics=self.bounded) if wanted and self.bounded is not None else self

    def with_receptors(self, where: str, names: Sequence[Any]) -> "Model":
        """Return the model with receptors of these names, in their order; each has parameters of its own.

        Raises
        ------
        ModelError
            A model that has one kind of input, or other receptors already; names that are none, or too many.
        """
        if tuple(names) == self.receptors:
            return self
        if self.by_receptors is None or self.receptors:
            able = [name for name in model_names() if find_model(name).by_receptors is not None]
            raise ModelError(
                f"{where}: {self.name} has {'receptors ' * bool(self.receptors)}"
                f"{listed(self.receptors) or 'one kind of input'}; others can be given to {listed(able)}. Give each "
                "parameter one number, or an array of them."
            )
        bad = [name for name in names if not (isinstance(name, str) and name.isidentifier())]
        if bad or not 1 <= len(set(names)) == len(names) <= MOST_RECEPTORS:
            raise ModelError(
                f"{where}: receptors = {shown([*names])}; must be 1 to {MOST_RECEPTORS} names of letters, digits and "
                '_, each once. Give e.g. tau_syn={"excitatory": 2.0, "inhibitory": 8.0}.'
            )
        parameters: list[Parameter] = []
        for parameter in self.parameters:
            parameters += [parameter.of(name) for name in names] if parameter.each_receptor else [parameter]
        prepare, dynamics = self.by_receptors(tuple(names))
        return replace(
            self, receptors=tuple(map(str, names)), parameters=tuple(parameters), prepare=prepare, dynamics=dynamics,
            family="",
        )  # fmt: skip

    def __reduce__(self) -> Any:
        """A registered model is sent to another process by its name, since its functions may be closures."""
        known = _REGISTRY.get(self.name)
        if known is not None and self in (known, self.receptors and known.with_receptors("pickle", self.receptors)):
            made = (*known.dynamics.functions, known.prepare, known.by_receptors)
            if self.receptors or any("<locals>" in getattr(one, "__qualname__", "") for one in made):
                return _known, (self.name, self.receptors)
        return super().__reduce__()

    def held(self, parameters: Mapping[str, Array]) -> Array | None:
        """How long the engines hold each neuron after a spike; None where they do not."""
        t_ref, spikes = parameters.get("t_ref"), parameters.get("spikes")
        if t_ref is None or (isinstance(self.regime, Free) and self.regime.keeps_refractoriness):
            return None
        return t_ref if spikes is None else np.where(spikes == ONCE, math.inf, t_ref)

    def exact(self, parameters: Mapping[str, Array]) -> bool:
        """Does an addition that leaves the range of its register end the run?"""
        overflow = parameters.get("overflow")
        return overflow is not None and self.parameter("overflow").choices[int(overflow[0])] == "error"

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called `name`; a typo is answered with the nearest name."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        names = [parameter.name for parameter in self.parameters]
        raise ModelError(
            f"{self.name}: unknown parameter {name!r}{meant(name, names, PARAMETERS)}; {self.name} takes "
            f"{', '.join(names)}.{of_receptors(name) if self.by_receptors else ''}"
        )


_REGISTRY: dict[str, Model] = {}
VARIANT = "+"  # between the name of a model and that of what a circuit makes of it


def register(model: Model) -> Model:
    """Make `model` known by its name, so that a saved network finds it; return it.

    Parameters
    ----------
    model
        A neuron model; whether its name is taken is asked of all models registered so far.

    Raises
    ------
    ModelError
        Another model, in anything that it consists of, has this name.
    """
    known = _REGISTRY.get(model.name)
    if known is not None and known != model:
        raise ModelError(
            f"register: a neuron model named {model.name!r} exists already; names are unique. "
            "Give the new model another name."
        )
    _REGISTRY[model.name] = model
    return model


def model_names() -> list[str]:
    """Return the names of all models that can be used, registered or installed, sorted."""
    installed = {entry.name for entry in entry_points(group="eventsim.neuron_models")}
    return sorted(installed | {name for name in _REGISTRY if VARIANT not in name})


def variant(model: Model, kind: str) -> Model | None:
    """Return what a circuit of this kind makes of a model: the one that is registered as "model+kind", if there is one.

    It has the parameters of the model, and more: with their defaults it does the same, bit for bit.
    """
    return _REGISTRY.get(f"{model.name.partition(VARIANT)[0]}{VARIANT}{kind}")


def with_variant(kind: str, parameter: str) -> list[str]:
    """Return the names of the models that have a variant of this kind with this parameter, sorted."""
    found = [name for name, model in _REGISTRY.items() if name.endswith(f"{VARIANT}{kind}")
             and any(one.name == parameter for one in model.parameters)]  # fmt: skip
    return sorted(name.partition(VARIANT)[0] for name in found)


@functools.cache
def installed_models() -> tuple[Model, ...]:
    """All models that installed packages announce (entry points), by name."""
    return tuple(find_model(entry.name) for entry in sorted(entry_points(group="eventsim.neuron_models")))


def find_model(model: "str | Model") -> Model:
    """Return `model`, or the model called so, importing an installed one (entry point) if need be.

    Raises
    ------
    ModelError
        Where no model of that name is registered or installed; the nearest name is offered.
    """
    if isinstance(model, Model):
        return model if model.receptors else register(model)
    if not isinstance(model, str):
        raise ModelError(
            f"neuron model = {shown(model)}; must be the name of a model or a Model. Available: "
            f"{', '.join(model_names())}."
        )
    if VARIANT in model and model not in _REGISTRY:
        find_model(model.partition(VARIANT)[0])  # which registers its variants, too
    if model not in _REGISTRY:
        for entry in entry_points(group="eventsim.neuron_models", name=model):
            return register(entry.load())
        names = model_names()
        raise ModelError(
            f"unknown neuron model {model!r}{meant(model, names, MODELS)}; available: {', '.join(names)}. "
            "Import the module that registers it before building or loading the network."
        )
    return _REGISTRY[model]


def _known(name: str, receptors: tuple[str, ...]) -> Model:
    """A model that was sent by its name."""
    return find_model(name).with_receptors(name, receptors)


def _default_text(default: float | str) -> str:
    return default if isinstance(default, str) else f"{default:g}"
