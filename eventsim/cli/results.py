"""What the command line says about networks and runs: the same tables and the same JSON in every command.

Relies on `Network` and `Run`. Used by the commands.
"""

import contextlib
from typing import Any

from eventsim.cli.layout import count, duration, large, plural, shape_text
from eventsim.errors import InputError
from eventsim.network.network import Network, Source
from eventsim.run.run import Run
from eventsim.run.spans import began
from eventsim.table import Column, Table
from eventsim.wording import window_text

COUNTED = ("premature", "late", "clipped")


def network_summary(net: Network) -> str:
    """Return one line: layers and their sizes, synapses."""
    layers = " -> ".join(f"{node.name} {shape_text(node.shape)}" for node in net.nodes)
    return f"{layers}; {plural(net.n_synapses, 'synapse')}"


def network_rows(net: Network) -> list[dict[str, Any]]:
    """Return for each source and population its name, model, shape, neurons, incoming synapses and window."""
    incoming = {node.name: 0 for node in net.nodes}
    for projection in net.projections:
        incoming[projection.post.name] += projection.kind.n_synapses
    return [
        {
            "layer": node.name,
            "kind": _kind(node),
            "shape": list(node.shape),
            "neurons": node.size,
            "synapses": incoming[node.name],
            "window": None if node.window is None else [float(t) for t in node.window],
        }
        for node in net.nodes
    ]


def _kind(node: Any) -> str:
    if isinstance(node, Source):
        return "source" if node.generator is None else f"{type(node.generator).__name__} source"
    return str(node.model.name)


def network_table(net: Network) -> Table:
    """Return the table of a network: a row for each source and population."""
    columns = [Column("layer", text=True), Column("kind", text=True), Column("neurons", ","), Column("synapses", ",")]
    columns += [Column("window", window_text, missing="-")]
    rows = [tuple(row[column.name] for column in columns) for row in network_rows(net)]
    return Table(tuple(columns), tuple(rows), indent=2)


def run_content(run: Run) -> dict[str, Any]:
    """Return what `--json` says about a run."""
    seconds = run.provenance.get("seconds")
    visited = run.counters["visited"]
    content: dict[str, Any] = {
        "complete": run.complete,
        "samples": run.n_samples,
        "neurons": dict(zip(run.populations, run.sizes, strict=True)),
        "counters": run.counters,
        "seconds": seconds,
        "synaptic_events_per_second": visited / seconds if seconds else None,
        "provenance": run.provenance,
    }
    with contextlib.suppress(InputError):  # of a file that does not say
        content["reached"] = run.reached
    with contextlib.suppress(InputError):  # no read-out, not reached in every sample, or nothing to choose among
        content["predictions"] = run.predictions
    return content


def run_table(run: Run) -> Table:
    """Return one line for each source and population: neurons, spikes, spikes per neuron and sample, counters.

    Samples that the run ended before are not counted as silent.
    """
    rows = []
    n_samples = run.n_samples
    with contextlib.suppress(InputError):  # of a file that does not say
        n_samples = max(int(began(run).sum()), 1)
    for name, size in zip(run.populations, run.sizes, strict=True):
        counters = run.counters["by_population"][name]
        share = counters["spikes"] / (size * n_samples)
        rows.append((name, size, counters["spikes"], share, *(counters[key] for key in COUNTED)))
    columns = [Column("layer", text=True), Column("neurons", ","), Column("spikes", ","), Column("per neuron", ".3f")]
    return Table((*columns, *(Column(key, ",") for key in COUNTED)), tuple(rows), indent=2)


def run_facts(run: Run) -> list[tuple[str, object]]:
    """Return the totals of a run and its speed, each with its name."""
    counters, seconds = run.counters, run.provenance.get("seconds")
    rows: list[tuple[str, object]] = [
        ("spikes", count(counters["spikes"])),
        ("synaptic events", speed_text(counters["visited"], seconds)),
    ]
    nominal = large(counters["synaptic_events"])
    if nominal != large(counters["visited"]):
        rows.append(("nominal", f"{nominal} (spikes x fan-out)"))
    transport = counters.get("transport")
    if transport is not None:
        waiting = f"mean {transport['mean_waiting']:.4g}, longest {transport['max_waiting']:.4g}"
        lost = f", {count(transport['lost'])} lost" if transport["lost"] else ""
        rows.append(("transport", f"{count(transport['spikes'])} spikes{lost}, waiting {waiting}"))
    return rows


def speed_text(events: int, seconds: float | None) -> str:
    """Return "2.1 million in 52 ms, 40.3 million a second"; seconds of the samples alone, when the loop is ready."""
    if not seconds:
        return large(events)
    return f"{large(events)} in {duration(seconds)}, {large(events / seconds)} a second"


def shows_progress(quiet: bool = False) -> bool | None:
    """Whether a run shows how far it is: in a terminal, never in a log, and not where a program reads."""
    return False if quiet else None
