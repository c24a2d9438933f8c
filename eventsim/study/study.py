"""A study: one network, one set of data, many settings; what each of them does to the decisions, in one file.

Relies on the rooms of this folder. The entry from Python; `study_file` makes one of a TOML file.
"""

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventsim.checks import flag, integer, number
from eventsim.engines.options import checked_options
from eventsim.errors import InputError, PlacementError, listed, nearest
from eventsim.network.network import Network
from eventsim.progress import Progress
from eventsim.simulate import checked_engine, checked_inputs
from eventsim.study.bench import Bench
from eventsim.study.decision import check_labels, decision_of
from eventsim.study.design import Design, as_design, seeds_of
from eventsim.study.fault_trial import check_faults, fault_lists
from eventsim.study.knobs import Case
from eventsim.study.point import Point, canonical, digest, plain
from eventsim.study.pools import Pool
from eventsim.study.recipe import Recipe
from eventsim.study.results import Results, results_of
from eventsim.study.runner import Runner, Tally
from eventsim.study.setup import OPTIONS, checked_setup
from eventsim.study.store import Store
from eventsim.study.work import forget


class Study:
    """A network, data, and the settings under which it is simulated.

    Parameters
    ----------
    network
        A network, or a recipe for one: a function of settings, or its name "package.module:function".
    x
        The data, as `simulate` takes them; None where all sources are generators.
    design
        Which values of which knobs: a dict of lists, which is a `Grid`, `Points`, `Random` or a `Bisection`. See
        `eventsim.study.knobs` for how knobs are called.
    labels : array (n_samples,)
        The right decision for each sample; None counts agreement with the ideal run alone.
    faults
        Faults, their text forms, also as words ("jitter:sigma=0.1"), or names of presets; what a knob sets may be left
        out of a text form.
    transport
        A transport, or its text form. {"transport": "chip", "chip": "mesh", "strategy": "by_layer"}, an `UnplacedChip`,
        puts the network of each point on the chip anew.
    seeds
        A number of seeds, counted from 0, or a list. Points of one seed have their random draws in common, so that
        curves are smooth and differences are paired.
    settings
        Of the recipe; a knob ``network.…`` sets others.
    output
        The population whose first spike decides; None: the read-out does.
    times
        Whether spike times are held against those of the ideal run, which records first spikes.
    **options
        Those of `simulate`: engine, until, clip, max_events, max_time, stop, trials.

    Raises
    ------
    InputError, FaultError, NetworkError
        Before anything runs: knobs that there are not, with the nearest name; designs that cannot be enumerated;
        values that a fault or the network refuses; data that do not fit.
    """

    def __init__(
        self, network: Network | Recipe, x: Any, design: Any, labels: Any = None, *, faults: Any = (),
        transport: Any = None, seeds: int | Sequence[int] = 1, settings: Mapping[str, Any] | None = None,
        output: str | None = None, times: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        for name in options:
            if name not in OPTIONS:
                raise InputError(
                    f"study: unknown option {name!r}{nearest(name, OPTIONS)}; must be one of {listed(OPTIONS)}. A "
                    "point, or a worker, decides the others."
                )
        checked_engine(options.get("engine", "compiled"), None)
        self.design: Design = as_design(design)
        self.seeds = seeds_of(seeds)
        self.setup = checked_setup(network, x, labels, faults, transport, settings, output, times, options)
        self._bench = Bench(self.setup)
        self._check()

    def _check(self) -> None:
        """Everything that can be said before anything runs: each fault of each point, each network, the data."""
        self._check_points()
        first = self._bench.case(self.design.knobs, self.design.settings()[0])
        net = self._first_network(first)
        for faults in fault_lists(self._bench, self.design):
            check_faults(faults, net, self.seeds[0])
        for settings in (self.design.settings()[0], self.design.settings()[-1]):
            case = self._bench.case(self.design.knobs, settings)
            if case.transport is not None:
                with contextlib.suppress(PlacementError):  # of this point, which will say so when its turn comes
                    case.transport.fabric(self._first_network(case))
        n_samples = self._checked_data(net, first.options)
        decision = decision_of(net, self.setup.output)
        if self.setup.labels is not None:
            check_labels(self.setup.labels, n_samples, decision)
        self.design.check(decision is not None, self.setup.labels is not None)

    def _check_points(self) -> None:
        self._bench.knobs(self.design.knobs)
        seen: set[str] = set()
        for settings in self.design.settings():
            case = self._bench.case(self.design.knobs, settings)
            # A value of a part is tried alone, and once: a network of each combination would take too long to make.
            for part, changes in case.parts.items():
                for name, value in changes.items():
                    key = canonical([part, name, value])
                    if key not in seen and self._bench.base is not None:
                        seen.add(key)
                        self._bench.network(case._replace(recipe={}, parts={part: {name: value}}))

    def _first_network(self, first: Case) -> Network:
        """The network of the first setting, or where none can be made, as its points will say, that without knobs."""
        try:
            return self._bench.network(first)
        except Exception:
            if self._bench.base is None:
                raise
            return self._bench.base

    def _checked_data(self, net: Network, options: Mapping[str, Any]) -> int:
        """How many samples there are, of data that fit the network, with options that it takes."""
        budgets = {name: options.get(name) for name in ("max_events", "max_time")}
        checked = checked_options(
            net, until=options.get("until"), record="first_spikes", **budgets, faults=(), transport=None,
            seed=self.seeds[0], error_bounds=False, stop=options.get("stop"), keep_state=False, memory=2**31,
        )  # fmt: skip
        clip, trials = options.get("clip", False), options.get("trials")
        return checked_inputs(net, self.setup.x, checked, None, clip, trials).n_samples

    def points(self) -> list[Point]:
        """The points that are known before anything has run, in order: settings, and of each setting its seeds."""
        return self._points(self.design.settings())

    def _points(self, settings: Sequence[Mapping[str, Any]]) -> list[Point]:
        return [
            Point(tuple((name, plain("study", name, one[name])) for name in self.design.knobs), seed)
            for one in settings
            for seed in self.seeds
        ]

    def parts(self) -> dict[str, str]:
        """What makes it this study and no other, a text by name; all of it is in its hash.

        A recipe counts by its text and by what it makes now: the network without knobs, and that of the first setting.
        """
        parts = self.setup.parts() | {"design": digest(self.design.describe()), "seeds": digest(self.seeds)}
        if not isinstance(self.setup.network, Network):
            made = Bench(self.setup).made_networks(self.design.knobs, self.design.settings()[0])
            parts["network"] = " ".join([parts["network"], *made])
        return parts

    def hash(self) -> str:
        """The SHA-256 of network, data, faults, design, seeds, options and version (64 hex digits)."""
        return digest(self.parts())

    def about(self) -> dict[str, Any]:
        """What its file says beside the rows."""
        return self._about(self.hash())

    def _about(self, named: str) -> dict[str, Any]:
        labels = self.setup.labels
        return {
            "hash": named,
            "knobs": self.design.knobs,
            "design": self.design.describe(),
            "seeds": self.seeds,
            "faults": self.setup.faults,
            "transport": self.setup.transport,
            "options": {name: value for name, value in self.setup.options.items() if name != "stop"},
            "labels": None if labels is None else labels.tolist(),
        }

    def run(
        self, out: str | Path | None = None, *, resume: bool = False, jobs: int | None = None, executor: Any = None,
        progress: bool | None = None, retry_failed: bool = False, threads: int | None = 1, lease: float = 30.0,
        most_deaths: int = 3,
    ) -> Results:  # fmt: skip
        """Compute every point that the file does not have, and return all results.

        Parameters
        ----------
        out
            The file of the results, made where there is none; None keeps them in memory alone.
        resume
            Whether a file that is there is gone on with. Several processes may do so at one time, on one machine or, on
            a disk that they share and that locks, on several.
        jobs
            How many points are computed at a time; None is as many as cores, or as an executor has workers. One job is
            this process; more are processes that import the main module, so that a script needs
            ``if __name__ == "__main__":``.
        executor
            A `concurrent.futures.Executor`, as of Dask (``client.get_executor()``) or mpi4py, in place of processes; or
            a function that returns one, which is asked again where one broke.
        progress
            Whether it is shown how far the study is; None: in terminals and notebooks.
        retry_failed
            Whether points that failed before are computed again.
        threads
            Of each simulation.
        lease
            Seconds after which the points of a writer on another machine that gave no sign of life are free.
        most_deaths
            How many workers may die of a point before it counts as failed.

        Raises
        ------
        InputError, FileFormatError
            Before anything runs: a file that is there, or that is of another study or of none.
        SimulationError
            An executor broke, and there is no way to another; what was computed is in the file.
        """
        lease = float(number("study", "lease", lease, low=0, open_low=True, remedy="It is a number of seconds."))
        most_deaths = integer("study", "most_deaths", most_deaths, low=1, remedy="Give 3.")
        resume, retry_failed = flag("study", "resume", resume), flag("study", "retry_failed", retry_failed)
        if threads is not None:
            threads = integer("study", "threads", threads, low=1, remedy="None uses all cores.")
        parts = self.parts()
        about = self._about(digest(parts))
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "study.sqlite" if out is None else out
            store = Store(place, parts, about, resume, lease)
            try:
                store.add(self.points())
                if retry_failed:
                    store.reopen_failed()
                return self._run(store, about, Pool(executor, jobs), progress, threads, most_deaths)
            finally:
                store.close()
                forget(about["hash"])  # of this process: a recipe may make another network in the next run

    def _run(
        self, store: Store, about: Mapping[str, Any], pool: Pool, progress: bool | None, threads: int | None,
        most_deaths: int,
    ) -> Results:  # fmt: skip
        tally, over = Tally(pool.place), False
        try:
            with Progress(progress, "study", "points", "points") as bar:
                runner = Runner(store, self.setup, about["hash"], pool, bar, threads, most_deaths, tally)
                while True:
                    runner.run()
                    results = results_of(about, store.rows(), tally)
                    following = self.design.more(results)
                    if not following:
                        break
                    store.add(self._points(following))
            over = True
        except KeyboardInterrupt as error:
            error.add_note(f"study: stopped; {tally}. What was computed is kept: go on with resume=True.")
            raise
        finally:
            pool.close(at_once=not over)
        return results

    def __repr__(self) -> str:
        n = len(self.design.settings())
        what = f"{n} setting{'s' if n != 1 else ''} of {', '.join(self.design.knobs)}"
        return f"Study: {self.design.kind}, {what}, {len(self.seeds)} seed{'s' if len(self.seeds) != 1 else ''}"
