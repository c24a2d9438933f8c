"""The neuron-model contract: a model is a value made of parameters, state variables and a few scalar functions.

The functions are plain Python, marked `jitable` of `_jit` where they are defined. Used by the network (validation), by
both engines (the functions) and by `eventsim.models.neurons` (one file per family).

The functions see the parameters of one neuron as a tuple ``p`` (in the order of `Model.rows`) and its state as a
tuple ``s`` (in the order of `Model.state`, membrane potential first). They return new tuples, so the same text runs
in the reference engine (also on `fractions.Fraction`), interpreted and compiled.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.checks import choice, held_in_float64, read_only, real_array, shown
from eventsim.errors import ModelError
from eventsim.network.spellings import MODELS, PARAMETERS, meant

Numbers = tuple[Any, ...]
Array = np.ndarray[Any, Any]
ONCE = 1.0  # the number of "once" among the choices of a parameter `spikes`


@dataclass(frozen=True)
class Parameter:
    """One parameter of a neuron model.

    Attributes
    ----------
    name : NIR's spelling where NIR has one.
    unit : "V" (whatever unit the potentials have), "time" (the network's unit), "V/time", "1", or "choice".
    meaning : one line.
    default : value, or None where the user must give one.
    low : smallest allowed value; exclusive where `open_low`.
    choices : allowed strings of a choice; the engine sees their index.
    steps : may it change in time, piece by piece? Such a parameter may not be in what `initial` returns or `held` uses.
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


def _nothing(_parameters: Mapping[str, Array], _window: Any) -> Sequence[Array]:
    """No rows: stands in where only the functions of a model matter."""
    return ()


@jitable
def unchanged(p: Numbers, s: Numbers) -> Numbers:  # noqa: ARG001 - the contract
    """State of a model that has no window, or no clock: never called."""
    return s


@jitable
def retired(s: Numbers) -> Numbers:
    """State of a model that fires more than once: never called."""
    return s


@jitable
def always(p: Numbers, s: Numbers, dt: Any) -> bool:  # noqa: ARG001 - the contract
    """`time_to_spike` is asked whenever the neuron was touched."""
    return True


@dataclass(frozen=True)
class Model:
    """A neuron model.

    The functions, all scalar, all marked `jitable`, `math` only:

    ``initial(p)`` state at the beginning ·
    ``propagator(p, dt)`` coefficients shared by all neurons that were last updated together ·
    ``advance(c, s)`` state after dt without input ·
    ``receive(s, w)`` state after an input of weight w ·
    ``may_spike(p, s, dt)`` cheap and never wrongly False: can the neuron spike within dt without input, or does it
    stand at its threshold, where an input moves V itself? Without it `time_to_spike` is asked every time ·
    ``time_to_spike(p, s)`` >= 0, or inf: time to the first upward crossing without further input ·
    ``above(p, s)`` is V at or above the threshold? ·
    ``reset(p, s)`` state after a spike ·
    ``open_window(p, s)`` state at t_min (windowed models) ·
    ``tick(p, s)`` state after a clock tick (clocked models) ·
    ``retire(s)`` a state in which `may_spike` never holds (models that spike once).

    Attributes
    ----------
    windowed : takes ``window=(t_start, t_min, t_max)``: V is held before t_start, a crossing at or after t_max is
        silence.
    deaf : inputs at or after t_min change nothing (they are counted as late).
    spiking : False for read-out integrators, whose V is read at t_min.
    single_spike : the neuron fires once.
    jumps : an input moves V itself, so V is tested when inputs have arrived.
    clocked : the neuron buffers its inputs and lives at integer multiples of its period.
    keeps_refractoriness : the state counts the refractory period t_ref down, since currents go on meanwhile: `reset`
        begins it, `advance` and `time_to_spike` keep to it. Of other models that have one, the engines hold the whole
        state for t_ref after a spike, or for ever where ``spikes`` is "once", and discard what arrives.
    touching : ``touching(p, s)``: does V, in a state that is about to fire, only just touch the threshold, so that
        rounding decided? Such spikes are counted ("tangent"). None where that cannot be.
    on_fractions : its functions are exact on Fractions.
    relay : it passes on spikes that others made: it shares their window, which changes nothing for it, and no emission
        fault acts on it.
    shared : parameters that must be equal over a population whose neurons are updated together; where they differ,
        each neuron is updated alone.
    family : models of one family share their compiled loops where loops are broad (``EVENTSIM_LOOPS=broad``).
    prepare : turns the user's parameters (arrays by name) and the window into the rows that the functions see.
    bounded : the same model with a running rounding bound, or None.
    """

    name: str
    parameters: tuple[Parameter, ...]
    state: tuple[str, ...]
    rows: tuple[str, ...]
    prepare: Callable[[Mapping[str, Array], Any], Sequence[Array]]
    initial: Callable[[Numbers], Numbers]
    propagator: Callable[[Numbers, Any], Numbers]
    advance: Callable[[Numbers, Numbers], Numbers]
    receive: Callable[..., Numbers]
    time_to_spike: Callable[[Numbers, Numbers], Any]
    above: Callable[[Numbers, Numbers], bool]
    reset: Callable[[Numbers, Numbers], Numbers]
    may_spike: Callable[[Numbers, Numbers, Any], bool] = always
    open_window: Callable[[Numbers, Numbers], Numbers] = unchanged
    tick: Callable[[Numbers, Numbers], Numbers] = unchanged
    retire: Callable[[Numbers], Numbers] = retired
    windowed: bool = False
    deaf: bool = False
    spiking: bool = True
    single_spike: bool = False
    jumps: bool = False
    clocked: bool = False
    keeps_refractoriness: bool = False
    relay: bool = False
    family: str = ""
    on_fractions: bool = False
    shared: tuple[str, ...] = ()
    threshold: str = "threshold"
    time_error: Callable[[Numbers, Numbers, Any], Numbers] | None = None
    touching: Callable[[Numbers, Numbers], bool] | None = None
    bounded: "Model | None" = field(default=None, repr=False)

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions that a compiled loop closes over, in the order of the contract."""
        return (
            self.initial, self.propagator, self.advance, self.receive, self.may_spike, self.time_to_spike,
            self.above, self.reset, self.open_window, self.tick, self.retire,
        )  # fmt: skip

    @property
    def in_cohorts(self) -> bool:
        """May neurons share a time of last update? Not those that are reset, and so advanced, at times of their own."""
        return self.single_spike or not self.spiking or self.clocked

    @property
    def dynamics(self) -> "Model":
        """What a compiled loop depends on: equal for models that differ only in name, parameters and window."""
        return replace(
            self, name="", parameters=(), prepare=_nothing, windowed=False, deaf=False, spiking=True,
            single_spike=self.in_cohorts, jumps=False, keeps_refractoriness=False, family="", on_fractions=False,
            shared=(), threshold="", bounded=None,
        )  # fmt: skip

    def held(self, parameters: Mapping[str, Array]) -> Array | None:
        """How long the engines hold each neuron after a spike; None where they do not."""
        t_ref, spikes = parameters.get("t_ref"), parameters.get("spikes")
        if self.keeps_refractoriness or t_ref is None:
            return None
        return t_ref if spikes is None else np.where(spikes == ONCE, math.inf, t_ref)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called `name`; a typo is answered with the nearest name."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        names = [parameter.name for parameter in self.parameters]
        raise ModelError(
            f"{self.name}: unknown parameter {name!r}{meant(name, names, PARAMETERS)}; {self.name} takes "
            f"{', '.join(names)}."
        )


_REGISTRY: dict[str, Model] = {}


def register(model: Model) -> Model:
    """Make `model` known by its name, so that a saved network finds it; return it.

    Registering the same name with other functions is refused.
    """
    known = _REGISTRY.get(model.name)
    if known is not None and known.functions != model.functions:
        raise ModelError(
            f"register: a neuron model named {model.name!r} exists already; names are unique. "
            "Give the new model another name."
        )
    _REGISTRY[model.name] = model
    return model


def model_names() -> list[str]:
    """Return the names of all models that can be used, registered or installed, sorted."""
    installed = {entry.name for entry in entry_points(group="eventsim.neuron_models")}
    return sorted(installed | set(_REGISTRY))


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
        return register(model)
    if not isinstance(model, str):
        raise ModelError(
            f"neuron model = {shown(model)}; must be the name of a model or a Model. Available: "
            f"{', '.join(model_names())}."
        )
    if model not in _REGISTRY:
        for entry in entry_points(group="eventsim.neuron_models", name=model):
            return register(entry.load())
        names = model_names()
        raise ModelError(
            f"unknown neuron model {model!r}{meant(model, names, MODELS)}; available: {', '.join(names)}. "
            "Import the module that registers it before building or loading the network."
        )
    return _REGISTRY[model]


def check_parameters(model: Model, where: str, size: int, given: Mapping[str, Any]) -> Mapping[str, Array]:
    """Return the model's parameters as read-only copies of shape (size,), defaults filled in, each value checked.

    Fractions stay Fractions (object arrays). Choices become their index (float64). O(size), vectorised.
    """
    for name in given:
        model.parameter(name)
    arrays: dict[str, Array] = {}
    for parameter in model.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            raise ModelError(
                f"{where}: {model.name} needs {parameter.name} ({parameter.meaning}, {parameter.unit}), which has no "
                f"default. Give {parameter.name}= a number or an array of {size} numbers."
            )
        arrays[parameter.name] = _parameter_array(parameter, f"{where}: {model.name}", size, value)
    return MappingProxyType(arrays)


def check_prepared(model: Model, where: str, parameters: Mapping[str, Array], window: Any) -> None:
    """Refuse parameters from which a number follows that float64 does not hold, such as a sum of two of 1e308."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            model.prepare(parameters, window)
    except FloatingPointError as problem:
        raise ModelError(
            f"{where}: {model.name}: numbers that follow from its parameters leave the range of float64 ({problem}); "
            f"must be within {np.finfo(np.float64).max:.2g}. Bring the sizes of the parameters closer together."
        ) from None


def _parameter_array(parameter: Parameter, where: str, size: int, value: Any) -> Array:
    if parameter.choices:
        remedy = " for the whole population"
        chosen = choice(where, parameter.name, value, parameter.choices, ModelError, also=remedy)
        return read_only(np.full(size, float(parameter.choices.index(chosen))))
    remedy = f"Give {parameter.name} ({parameter.meaning}) an allowed value or remove the neuron."
    given = real_array(where, parameter.name, value, ModelError, kinds="fiu", remedy=remedy)
    array = given if given.dtype == object else given.astype(np.float64)
    if array.ndim and array.size not in (1, size):
        raise ModelError(
            f"{where}: {parameter.name} has shape {array.shape}; allowed: one number or {size} numbers, one a neuron. "
            "Flatten it in the order of the population's shape."
        )
    array = np.broadcast_to(array.reshape(-1), (size,))
    allowed = np.isfinite(array.astype(np.float64))
    # Compared as they are: a Fraction just outside a limit may round onto it.
    with np.errstate(invalid="ignore"):  # a NaN among Fractions
        allowed &= (array > parameter.low if parameter.open_low else array >= parameter.low).astype(bool)
        allowed &= (array <= parameter.high).astype(bool)
    if not allowed.all():
        index = int(np.argmin(allowed))
        raise ModelError(
            f"{where}: {parameter.name}[{index}] = {array[index]}; must be {_range_text(parameter)}. {remedy}"
        )
    held_in_float64(where, parameter.name, given, remedy, value, ModelError)
    return read_only(array)


def _range_text(parameter: Parameter) -> str:
    """What a parameter may be, e.g. "> 0 and finite"."""
    limits = [f"{'>' if parameter.open_low else '>='} {parameter.low:g}"] if math.isfinite(parameter.low) else []
    limits += [f"<= {parameter.high:g}" if math.isfinite(parameter.high) else "finite"]
    return "a finite number" if limits == ["finite"] else " and ".join(limits)
