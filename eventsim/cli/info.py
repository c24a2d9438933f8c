"""``eventsim info``: versions and models, one neuron model, faults, chips, or what a file holds."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import OK, Command, add_json, print_json
from eventsim.cli.layout import count, pairs, plural, shape_text

if TYPE_CHECKING:
    from eventsim.network.neuron_model import Model, Parameter

LISTED_ARRAYS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim info``."""
    parser.add_argument(
        "subject", nargs="?", metavar="MODEL|FAULT|CHIP|FILE",
        help="a neuron model, such as lif_exp; faults or chips, for a list of them, or one of these; or the file of a "
        "network, a run, a ReLU network or an array (./lif_exp is a file); without it: versions, folders, models",
    )  # fmt: skip
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Print what is installed, what a model is, or what a file holds."""
    content, text = installation() if options.subject is None else subject_content(options.subject)
    if options.json:
        print_json(content)
    else:
        print(text)
    return OK


def installation() -> tuple[dict[str, Any], str]:
    """Versions, where compiled loops are kept, and the neuron models there are."""
    import eventsim
    from eventsim import models
    from eventsim._jit import cache_folder
    from eventsim.network.generators import draw_trains
    from eventsim.network.neuron_model import find_model, model_names
    from eventsim.run.provenance import versions

    known = {name: find_model(name) for name in model_names()}
    folder = cache_folder(draw_trains)  # that of all loops
    content = {
        "versions": versions(),
        "installed": str(Path(eventsim.__file__).parent),
        "compiled_loops": folder,
        "neuron_models": {
            name: {p.name: {"unit": p.unit, "meaning": p.meaning} for p in model.parameters}
            for name, model in known.items()
        },
    }
    del models  # imported so that its neuron models are registered, also in a checkout that is not installed
    rows: list[tuple[str, object]] = [*versions().items()]
    rows += [("installed in", content["installed"]), ("compiled loops", folder or "not kept")]
    parameters = [(name, ", ".join(p.name for p in model.parameters)) for name, model in known.items()]
    head = (
        "neuron models and their parameters (`eventsim info MODEL` says what they are; `eventsim info faults`, `chips`)"
    )
    return content, f"{pairs(rows)}\n\n{head}\n{pairs(parameters)}"


def subject_content(subject: str) -> tuple[dict[str, Any], str]:
    """A neuron model of this name or, of any other, the file; what is neither and looks like a name is refused."""
    from eventsim import models
    from eventsim.errors import InputError
    from eventsim.network.neuron_model import find_model, model_names
    from eventsim.network.spellings import MODELS, meant

    del models  # imported so that its neuron models are registered, also in a checkout that is not installed
    names = model_names()
    if subject in names:
        model = find_model(subject)
        return model_content(model), str(model)
    about = fault_content(subject) or chip_content(subject)
    if about is not None:
        return about
    path = Path(subject)
    if subject.isidentifier() and not path.exists():
        raise InputError(
            f"info: {subject!r} is no neuron model, no fault, no chip and no file{meant(subject, names, MODELS)}; "
            f"models are {', '.join(names)}. Give one of them, faults or chips for a list, or the path of a file."
        )
    return file_content(path)


def fault_content(subject: str) -> tuple[dict[str, Any], str] | None:
    """All faults, one fault or preset; None for anything else."""
    from eventsim.faults.presets import PRESETS
    from eventsim.faults.reference import defaults, fault_table, first_line, parameters, table
    from eventsim.faults.text import kinds

    known = kinds()
    if subject == "faults":
        content = {name: {"place": kind.place, "meaning": first_line(kind)} for name, kind in known.items()}
        return {"faults": content, "presets": sorted(PRESETS)}, str(table())
    if subject in PRESETS:
        made = PRESETS[subject]
        settings = {"preset": subject, "meaning": made.meaning, "source": made.source, "settings": made.settings}
        return settings, str(made)
    if subject in known:
        kind = known[subject]
        meanings = parameters(kind)
        said = [{"name": name, "default": text, "meaning": meanings.get(name)} for name, text in defaults(kind).items()]
        about = {"fault": subject, "place": kind.place, "meaning": first_line(kind), "settings": said}
        return about | {"equation": kind.equation.splitlines(), "source": kind.source}, str(fault_table(kind))
    return None


def chip_content(subject: str) -> tuple[dict[str, Any], str] | None:
    """All chips, or one; None for anything else."""
    from eventsim import hardware
    from eventsim.hardware.reference import overview

    if subject == "chips":
        return {"chips": {name: hardware.chip(name).title for name in hardware.chips()}}, str(overview())
    if subject not in hardware.chips():
        return None
    chip = hardware.chip(subject)
    facts = {
        key: {"value": fact.text, "grade": fact.grade, "source": fact.sources, "note": fact.note}
        for key, fact in chip.facts.items()
    }
    about = {"chip": chip.name, "title": chip.title, "note": chip.note, "values": facts}
    return about | {"unknown": chip.unknown, "sources": chip.sources}, str(chip)


def model_content(model: "Model") -> dict[str, Any]:
    """What `--json` says about a neuron model."""
    return {
        "model": model.name,
        "equation": model.equation.splitlines(),
        "source": model.source,
        "windowed": model.windowed,
        "parameters": [parameter_content(parameter) for parameter in model.parameters],
    }


def parameter_content(parameter: "Parameter") -> dict[str, Any]:
    """What `--json` says about a parameter; a limit that is none is null."""
    return {
        "name": parameter.name,
        "unit": parameter.unit,
        "meaning": parameter.meaning,
        "default": parameter.default,
        "allowed": parameter.allowed,
        "low": parameter.low if math.isfinite(parameter.low) else None,
        "high": parameter.high if math.isfinite(parameter.high) else None,
        "open_low": parameter.open_low,
        "choices": list(parameter.choices),
        "steps": parameter.steps,
    }


def file_content(path: Path) -> tuple[dict[str, Any], str]:
    """What one file holds, by the format that its header names."""
    from eventsim.cli.files import format_of
    from eventsim.files.arrays import arrays_of
    from eventsim.models.relu.relu_file import FORMAT as RELU
    from eventsim.network.definition import FILE_FORMAT as NETWORK
    from eventsim.run.run_file import FILE_FORMAT as RUN

    readers = {NETWORK: network_content, RUN: run_file_content, RELU: relu_content}
    format = format_of(path)
    if format in readers:
        content, text = readers[format](path)
    else:
        content, text = arrays_content(arrays_of(path))
        format = format or "arrays"
    kind = {NETWORK: "spiking network", RUN: "run", RELU: "ReLU network"}.get(format, format)
    return {"file": path, "format": format} | content, f"{path}: {kind}\n{text}"


def network_content(path: Path) -> tuple[dict[str, Any], str]:
    """A spiking network."""
    import eventsim
    from eventsim.cli.results import network_rows, network_table

    net = eventsim.load_network(path)
    content = {
        "hash": net.hash(),
        "time_unit": net.time_unit,
        "neurons": net.n_neurons,
        "synapses": net.n_synapses,
        "layers": network_rows(net),
        "provenance": net.provenance,
    }
    unit = "none (pure numbers)" if net.time_unit is None else f"{net.time_unit:g} s"
    rows = [("neurons", count(net.n_neurons)), ("synapses", count(net.n_synapses)), ("time unit", unit)]
    rows += [("note", note) for note in net.provenance.get("notes", ())]
    return content, f"{network_table(net)}\n\n{pairs([*rows, ('hash', net.hash()[:12])])}"


def run_file_content(path: Path) -> tuple[dict[str, Any], str]:
    """A run."""
    import eventsim
    from eventsim.cli.results import run_content, run_facts, run_table

    run = eventsim.load_run(path)
    made = run.provenance
    rows: list[tuple[str, object]] = [
        ("samples", count(run.n_samples) + ("" if run.complete else ", INCOMPLETE: the run ended early")),
        ("recorded", made.get("record", "?")),
        ("engine", f"{made.get('engine', '?')}, seed {made.get('seed', '?')}"),
        ("network", str(made.get("network_hash", "?"))[:12]),
        ("made with", f"eventsim {made.get('versions', {}).get('eventsim', '?')}"),
    ]
    return run_content(run), f"{run_table(run)}\n\n{pairs(run_facts(run) + rows)}"


def relu_content(path: Path) -> tuple[dict[str, Any], str]:
    """A trained ReLU network."""
    from eventsim import models
    from eventsim.table import Column, Table

    relu = models.read_relu(path)
    rows = []
    for layer in relu.layers:
        shape = shape_text(relu.shape_of(layer.name))
        rows.append((layer.name, layer.kind, shape, layer.n_parameters, "yes" if layer.relu else "no"))
    content = {
        "input_shape": list(relu.input_shape),
        "parameters": relu.n_parameters,
        "layers": [
            {"layer": name, "kind": kind, "shape": shape, "parameters": size, "relu": after}
            for name, kind, shape, size, after in rows
        ],
        "provenance": dict(relu.provenance),
    }
    columns = (Column("layer", text=True), Column("kind", text=True), Column("neurons"), Column("parameters", ","))
    text = Table((*columns, Column("ReLU")), tuple(rows), indent=2)
    about = [("input", shape_text(relu.input_shape)), ("parameters", count(relu.n_parameters))]
    return content, f"{text}\n\n{pairs(about + [(name, value) for name, value in relu.provenance.items()])}"


def arrays_content(arrays: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Arrays of data."""
    rows: list[tuple[str, object]] = []
    content: dict[str, Any] = {}
    for name, array in arrays.items():
        numeric = array.dtype.kind in "fiub" and array.size > 0
        low, high = (array.min(), array.max()) if numeric else (None, None)
        span = f", {low:g} to {high:g}" if numeric else ""
        content[name or "array"] = {"shape": list(array.shape), "dtype": str(array.dtype), "min": low, "max": high}
        rows.append((name or "array", f"{shape_text(array.shape) or 'one number'}, {array.dtype}{span}"))
    if not rows:
        return {"arrays": {}}, "  no array in it"
    more = len(rows) - LISTED_ARRAYS
    text = pairs(rows[:LISTED_ARRAYS]) + (f"\n  and {plural(more, 'array')} more" if more > 0 else "")
    return {"arrays": content}, text


COMMAND = Command(
    "info",
    "show versions and models, one neuron model, or what a file holds",
    (
        ("eventsim info", "versions, where compiled loops are kept, neuron models"),
        ("eventsim info lif_exp", "a neuron model: equations, parameters with units, defaults and ranges, source"),
        ("eventsim info net.npz", "layers, windows and size of a network; runs and ReLU networks as well"),
        ("eventsim info x.npy --json", "shape and range of an array"),
    ),
    add_arguments,
    execute,
)
