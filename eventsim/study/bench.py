"""A setup at work in one process: networks made for a point, and the ideal run, which is computed once.

Relies on `simulate`. Used by `evaluate`, in a worker or in the process of the user.
"""

import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from eventsim.errors import InputError, PrematureSpikeWarning
from eventsim.network.network import Network
from eventsim.network.order import needs_until
from eventsim.run.run import Run
from eventsim.simulate import simulate
from eventsim.study.decision import decision_of
from eventsim.study.knobs import Case, Knob, case_of, resolve
from eventsim.study.observation import Observation, observed
from eventsim.study.point import canonical
from eventsim.study.recipe import found, settings_of
from eventsim.study.setup import Setup

KEPT_NETWORKS = 4  # made by the knobs of points; those of a grid come one after the other
KEPT_IDEAL = 16  # one, but for networks with generators, of which each seed has its own


class Bench:
    """A setup, with what has been worked out for it. Several threads may share one.

    Parameters
    ----------
    setup
        What is run.
    threads
        Of each simulation.
    """

    def __init__(self, setup: Setup, threads: int | None = 1) -> None:
        self.setup, self._threads = setup, threads
        self._lock = threading.RLock()
        self._networks: dict[str, Network] = {}
        self._ideal: dict[str, Observation] = {}
        self._knobs: dict[tuple[str, ...], list[Knob]] = {}
        self.ideal_runs = 0

    # -- networks -----------------------------------------------------------------------------------------------------

    @property
    def recipe_settings(self) -> Any:
        """The names of the settings of the recipe; None where it takes any, () where there is no recipe."""
        if isinstance(self.setup.network, Network):
            return ()
        known = settings_of(found("study", self.setup.network))
        return None if known is None else tuple(known)

    @cached_property
    def base(self) -> Network | None:
        """The network before any knob is turned; None where the recipe needs a knob to make one."""
        if isinstance(self.setup.network, Network):
            return self.setup.network
        known = settings_of(found("study", self.setup.network)) or {}
        if any(needed and name not in self.setup.settings for name, needed in known.items()):
            return None
        net = self._made({})
        net.hash()
        return net

    def network(self, case: Case) -> Network:
        """The network of a case; the last ones are kept."""
        if not case.recipe and not case.parts and self.base is not None:
            return self.base
        key = canonical([case.recipe, case.parts])
        with self._lock:
            if key in self._networks:
                return self._networks[key]
            net = self._made(case.recipe)
            for name, changes in case.parts.items():
                net = net.replace(name, **{setting: _value(value) for setting, value in changes.items()})
            net.hash()
            while len(self._networks) >= KEPT_NETWORKS:
                del self._networks[next(iter(self._networks))]
            self._networks[key] = net
            return net

    def _made(self, settings: Mapping[str, Any]) -> Network:
        if isinstance(self.setup.network, Network):
            return self.setup.network
        net = found("study", self.setup.network)(**{**self.setup.settings, **settings})
        if not isinstance(net, Network):
            raise InputError(
                f"study: the recipe returned a {type(net).__name__}; must be an eventsim.Network. Return one."
            )
        return net

    def made_networks(self, names: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
        """What the recipe makes: hashes of the network without knobs, if there is one, and of that of some settings.

        What the recipe calls, and what it reads, shows in them alone. Where it makes none, the error stands for it.
        """
        base, made = self.base, "" if self.base is None else self.base.hash()
        case = self.case(names, settings)
        if base is not None and not case.recipe:
            return [made]
        try:
            return [made, self.network(case).hash()]
        except Exception as error:  # noqa: BLE001 - the point says so when its turn comes
            return [made, f"{type(error).__name__}: {error}"]

    # -- runs ---------------------------------------------------------------------------------------------------------

    def knobs(self, names: Sequence[str]) -> list[Knob]:
        """Where the knobs act."""
        key = tuple(names)
        if key not in self._knobs:
            self._knobs[key] = resolve(names, self.setup, self.base, self.recipe_settings)
        return self._knobs[key]

    def case(self, names: Sequence[str], settings: Mapping[str, Any]) -> Case:
        """What the values of the knobs ask for."""
        return case_of(self.setup, self.knobs(names), settings)

    def run(self, case: Case, seed: int) -> Run:
        """Simulate one case."""
        return self._simulated(self.network(case), seed, case.faults, case.transport, case.options)

    def ideal(self, case: Case, seed: int) -> Observation:
        """The run without faults, transport and knobs; with those of the recipe, where no network is without them.

        Of generators it has the draws of the point's seed; else it is one for all seeds.
        """
        net = self.network(case) if self.base is None else self.base
        seed = seed if any(source.generator is not None for source in net.sources) else 0
        options = dict(self.setup.options)
        if options.get("until") is None and needs_until(net):
            options["until"] = case.options.get("until")
        key = canonical([net.hash(), seed, options.get("until")])
        with self._lock:
            if key not in self._ideal:
                while len(self._ideal) >= KEPT_IDEAL:
                    del self._ideal[next(iter(self._ideal))]
                self._ideal[key] = self.observed(self._simulated(net, seed, (), None, options))
                self.ideal_runs += 1
            return self._ideal[key]

    def observed(self, run: Run) -> Observation:
        """What the study keeps of a run."""
        return observed(run, self.setup.output, self.setup.times)

    def _simulated(self, net: Network, seed: int, faults: Any, transport: Any, options: Mapping[str, Any]) -> Run:
        decision_of(net, self.setup.output)  # a recipe may make a network without it
        level = "first_spikes" if self.setup.times or self.setup.output is not None else "readout"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrematureSpikeWarning)  # they are counted
            return simulate(
                net, self.setup.x, record=level, faults=faults, transport=transport, seed=seed, threads=self._threads,
                progress=False, **options,
            )  # fmt: skip


def _value(value: Any) -> Any:
    """What `Network.replace` takes: tuples of a point as lists."""
    return list(value) if isinstance(value, tuple) else value
