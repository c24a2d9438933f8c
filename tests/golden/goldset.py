"""The gold set: small networks of every neuron model with their exact spike times.

``python -m golden.goldset`` in the folder above writes ``models/goldset/goldset.json`` (half a minute); the tests make
a sample of its cases again. The event order is that of `naive`, the numbers those of `exact_neurons`: Fractions where
the models are rational, else mpmath numbers of 110 digits. Nothing of eventsim is imported.
`docs/reference/goldset.md` says what the file holds.
"""

import decimal
import json
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import naive

from golden import goldset_cases, goldset_models
from golden.exact_neurons import MODELS, RATIONAL, WITH_RECEPTORS
from golden.goldset_case import Case, Population

FILE = Path(__file__).resolve().parents[2] / "models" / "goldset" / "goldset.json"
FORMAT, VERSION, EDITION = "eventsim-goldset", 2, 3
DIGITS = 50
UNIT = Fraction(1, 2**53)
# Of what is not exact, a few roundings for the way there, and as many times what one rounding of the threshold does.
ROUNDINGS = 16
THRESHOLDS = ("threshold", "v_threshold", "threshold_reset")
ABOUT = (
    "Small spiking networks and their exact spike times. Numbers denote the float64 nearest to them; times are in one "
    "arbitrary unit. docs/reference/goldset.md of eventsim documents every key."
)


def is_rational(case: Case) -> bool:
    """Do all of its neurons only add, multiply and divide?"""
    return all(population.model in RATIONAL for population in case.populations)


def all_parameters(population: Population) -> dict[str, Any]:
    """The parameters of a population, those that the case leaves out by their defaults, also of each receptor."""
    known = goldset_models.PARAMETERS[population.model]
    unknown = set(population.parameters) - set(known)
    given = {name: population.parameters.get(name, default) for name, (default, _) in known.items()}
    if unknown or None in given.values():
        raise ValueError(f"{population}: unknown {unknown}, or a parameter without a default is not given: {given}")
    for name in goldset_models.EACH_RECEPTOR:
        if population.receptors and name in given and not isinstance(given[name], dict):
            given[name] = dict.fromkeys(population.receptors, given[name])
    return given


def solve(case: Case, off: Fraction = Fraction(0)) -> naive.Result:
    """The exact run of a case, with every threshold times 1 + `off`."""
    mpmath.mp.dps = 110
    number: Callable[[Any], Any] = Fraction if is_rational(case) else mpmath.mpf
    factor = 1 + number(off.numerator) / number(off.denominator)
    nodes = [naive.Node(name, len(trains), "source") for name, trains in case.sources.items()]
    for population in case.populations:
        values = {}
        for name, given in all_parameters(population).items():
            listed = given if isinstance(given, list) else [given] * population.size
            values[name] = [_converted(one, number) for one in listed]
            if name in THRESHOLDS:
                values[name] = [one * factor for one in values[name]]
        if "comparator" in values:
            values["strict"] = [word == "strict" for word in values.pop("comparator")]
        window = population.window and tuple(number(t) if t < math.inf else t for t in population.window)
        model = population.model + WITH_RECEPTORS * bool(population.receptors)
        nodes.append(naive.Node(population.name, population.size, "population", model, values, window))
    projections = []
    for p in case.projections:
        synapses = [(i, j, number(weight)) for i, j, weight in p.synapses]
        projections.append(naive.Projection(p.pre, p.post, number(p.delay), synapses, receptor=p.receptor))
    stimulus = {name: [list(map(number, train)) for train in trains] for name, trains in case.sources.items()}
    return naive.simulate(nodes, projections, stimulus, number(case.until), MODELS)


def _converted(value: Any, number: Callable[[Any], Any]) -> Any:
    """One value of one neuron; choices stay words."""
    if isinstance(value, dict):
        return {receptor: number(one) for receptor, one in value.items()}
    return value if isinstance(value, str) else number(value)


def spikes_of(case: Case, result: naive.Result) -> list[tuple[Any, str, int]]:
    """(time, population, neuron) in event order, without those of sources."""
    return [spike for spike in result.spikes if spike[1] not in case.sources]


def written(value: Any) -> dict[str, str]:
    """A number as the file has it: exactly if it is rational, in 50 digits, and as the nearest float64.

    What mpmath has to 110 digits as a multiple of a power of two is that: sums of inputs' times and delays.
    """
    if isinstance(value, mpmath.mpf) and value * 2**52 == mpmath.floor(value * 2**52):
        value = Fraction(int(value * 2**52), 2**52)
    if isinstance(value, Fraction | int):
        with decimal.localcontext(prec=DIGITS) as context:
            digits = context.divide(Fraction(value).numerator, Fraction(value).denominator).normalize()
        exact, nearest = {"exact": str(Fraction(value))}, float(Fraction(value))
        return exact | {"decimal": f"{digits:f}", "hex": nearest.hex()}
    fixed = {"min_fixed": -math.inf, "max_fixed": math.inf}
    return {"decimal": mpmath.nstr(value, DIGITS, **fixed), "hex": float(mpmath.nstr(value, DIGITS + 10)).hex()}


def roundings(case: Case, spikes: list[tuple[Any, str, int]]) -> int:
    """How many roundings (2^-53 of itself) a spike time may be off: see `ROUNDINGS`. 0 where nothing is rounded.

    The direction counts in which less is moved: in a case that tests an equality, spikes are others in one of them.
    """
    by_neuron = sorted(spikes, key=lambda spike: (spike[1:], spike[0]))
    shifts = []
    for off in (-UNIT, UNIT):
        moved = sorted(spikes_of(case, solve(case, off)), key=lambda spike: (spike[1:], spike[0]))
        if [spike[1:] for spike in moved] == [spike[1:] for spike in by_neuron]:
            pairs = zip(moved, by_neuron, strict=True)
            shifts.append(max((float(abs(a[0] - b[0]) / max(b[0], 2.0**-30)) * 2**53 for a, b in pairs), default=0.0))
    if not shifts:
        raise ValueError(f"{case.name}: no rounding of its thresholds leaves its spikes in place")
    computed = min(shifts) > 0.0 or not all("exact" in written(t) for t, _, _ in spikes)
    return 0 if not computed else ROUNDINGS + math.ceil(ROUNDINGS * min(shifts))


def content_of(case: Case) -> dict[str, Any]:
    """A case as the file has it."""
    result = solve(case)
    spikes = spikes_of(case, result)
    populations = [
        {"name": p.name, "model": p.model, "size": p.size, "parameters": all_parameters(p)}
        | ({} if p.window is None else {"window": [t for t in p.window if t < math.inf]})
        for p in case.populations
    ]
    content: dict[str, Any] = {
        "name": case.name,
        "about": case.about,
        "rules": list(case.rules),
        "until": case.until,
        "sources": [{"name": name, "size": len(trains), "spikes": trains} for name, trains in case.sources.items()],
        "populations": populations,
        "projections": [
            {key: value for key, value in p._asdict().items() if value is not None} for p in case.projections
        ],
        "roundings": roundings(case, spikes),
        "spikes": [{"population": name, "neuron": i} | written(t) for t, name, i in spikes],
    }
    read = [
        {"population": name, "neuron": i} | written(value)
        for name, values in result.readout.items()
        for i, value in enumerate(values)
    ]
    return content | ({"readouts": read} if read else {})


def text_of(content: dict[str, Any]) -> str:
    """JSON with one line for each key of a case, and for each spike."""

    def lines(value: Any, depth: int) -> Iterator[str]:
        pad = " " * depth
        if isinstance(value, dict) and depth < 3:
            yield "{"
            for k, (key, one) in enumerate(value.items()):
                first, *rest = lines(one, depth + 1)
                yield f"{pad} {json.dumps(key)}: {first}"
                yield from rest
                if k < len(value) - 1:
                    yield ","
            yield f"{pad}}}"
        elif isinstance(value, list) and value and isinstance(value[0], dict) and depth < 5:
            yield "["
            for k, one in enumerate(value):
                first, *rest = lines(one, depth + 1)
                yield f"{pad} {first}"
                yield from rest
                if k < len(value) - 1:
                    yield ","
            yield f"{pad}]"
        else:
            yield json.dumps(value, allow_nan=False)

    return "\n".join(lines(content, 0)).replace("\n,", ",") + "\n"


def make() -> dict[str, Any]:
    """All that the file holds."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "edition": EDITION,
        "about": ABOUT,
        "rules": goldset_models.RULES,
        "models": {
            name: {
                "equation": goldset_models.EQUATIONS[name],
                "parameters": {key: meaning for key, (_, meaning) in parameters.items()},
            }
            for name, parameters in goldset_models.PARAMETERS.items()
        },
        "cases": [content_of(case) for case in goldset_cases.every()],
    }


def main() -> None:
    """Write the file."""
    FILE.write_text(text_of(make()), encoding="utf-8")


if __name__ == "__main__":
    main()
