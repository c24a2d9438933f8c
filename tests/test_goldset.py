"""The gold set: its file is what the exact solvers make, eventsim passes it, and a wrong answer does not."""

import itertools
import json
import os
from collections import Counter
from fractions import Fraction

import mpmath
import pytest
from golden import goldset as made
from golden import goldset_cases
from golden.exact_neurons import RATIONAL

import eventsim
from eventsim.cli import main
from eventsim.errors import FileFormatError, InputError
from eventsim.models import goldset, neurons
from eventsim.models.goldset.case_file import gold_file
from eventsim.models.goldset.results_file import FORMAT
from eventsim.network.neuron_model import find_model

EVERY = goldset_cases.every()
SAMPLE = EVERY[::7]
MODELS = sorted(neurons.__all__)
RATIONAL_CASES = [one for one in goldset.cases() if set(one.models) <= set(RATIONAL)]


def saved(tmp_path, change=None, **keys):
    """A file of the reference engine's results of a few cases, changed."""
    path = tmp_path / "results.json"
    cases = [goldset.case(name) for name in ("linear_psp/layers", "lif_exp/one-input", "integrator/drift")]
    goldset.save_results(goldset.simulate(cases, "reference"), path)
    content = json.loads(path.read_text(encoding="utf-8")) | keys
    if change is not None:
        change(content["cases"])
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_what_the_script_makes_of_its_cases() -> None:
    assert [one["name"] for one in gold_file()["cases"]] == [case.name for case in EVERY]
    by_name = {one["name"]: one for one in gold_file()["cases"]}
    for case in SAMPLE:
        assert json.loads(json.dumps(made.content_of(case))) == by_name[case.name]


def test_there_are_several_cases_of_every_neuron_model() -> None:
    counts = Counter(model for one in goldset.cases() for model in one.models)
    assert sorted(gold_file()["models"]) == sorted(find_model(name.lower()).name for name in MODELS)
    assert min(counts[name] for name in gold_file()["models"]) >= 3


def test_every_rule_has_a_case_and_every_case_a_known_rule() -> None:
    assert {rule for one in goldset.cases() for rule in one.rules} == set(gold_file()["rules"])


def test_every_parameter_of_a_model_is_documented_and_given() -> None:
    for name, texts in gold_file()["models"].items():
        assert set(texts["parameters"]) == {parameter.name for parameter in find_model(name).parameters}
    for one in goldset.cases():
        for population in one.content["populations"]:
            assert set(population["parameters"]) == set(gold_file()["models"][population["model"]]["parameters"])


def test_decimals_fractions_and_hex_floats_of_a_time_agree() -> None:
    for one in goldset.cases():
        for entry, event in zip(one.content["spikes"], one.spikes, strict=True):
            assert event.nearest == float(event.value) == float(entry["decimal"])
            assert abs(Fraction(entry["decimal"]) - event.value) <= abs(event.value) * Fraction(1, 10**49)


def exactly(event: goldset.Event) -> mpmath.mpf:
    return mpmath.mpf(event.value.numerator) / event.value.denominator


def test_a_spike_after_one_alpha_shaped_input_is_where_the_lambert_function_has_it() -> None:
    """Comsa et al. 2020; the script brackets a root instead."""
    with mpmath.workdps(60):
        # w s e^(-s / tau) = 1 with w = tau = 2, s from the input at 1 on.
        s = -2 * mpmath.lambertw(mpmath.mpf(-1) / 4, 0).real
        assert abs(exactly(goldset.case("alpha_psp/one-input").spikes[0]) - 1 - s) < mpmath.mpf(10) ** -48


def test_spikes_of_a_drive_come_at_equal_intervals() -> None:
    """tau_mem ln(v_inf / (v_inf - v_threshold)) = 16 ln 3 from V = 0 on, and then again after t_ref = 1."""
    spikes = goldset.case("lif_delta/drive").spikes
    assert len(spikes) == 3
    with mpmath.workdps(60):
        for k, spike in enumerate(spikes):
            assert abs(exactly(spike) - 16 * mpmath.log(3) * (k + 1) - k) < mpmath.mpf(10) ** -47


def test_a_projection_says_which_receptor_it_reaches_where_there_are_several() -> None:
    named = set()
    for one in goldset.cases():
        taus = {p["name"]: p["parameters"].get("tau_syn") for p in one.content["populations"]}
        for projection in one.content["projections"]:
            several = taus[projection["post"]]
            assert ("receptor" in projection) == isinstance(several, dict)
            if isinstance(several, dict):
                assert projection["receptor"] in several
                named.add(one.models[0])
    assert named == {"lif_exp", "lif_alpha", "glif"}


def added(weight: float, tau_mem: float, tau_syn: float, s: mpmath.mpf) -> mpmath.mpf:
    """What an input to `lif_exp` adds to V, by hand."""
    left = mpmath.exp(-s / tau_mem) - mpmath.exp(-s / tau_syn)
    return weight * left * tau_syn / (mpmath.mpf(tau_mem) - tau_syn)


def test_currents_of_two_receptors_bring_v_to_the_threshold_at_the_spike_and_not_before() -> None:
    """The script finds zeros of sums of exponentials; here V is written out and is held against a grid of times."""
    case = goldset.case("lif_exp/receptors-tangent-above")
    ((_, _, weight),), ((_, _, opposed),) = (p["synapses"] for p in case.content["projections"])
    threshold = case.content["populations"][0]["parameters"]["v_threshold"]
    with mpmath.workdps(60):

        def v(t: mpmath.mpf) -> mpmath.mpf:
            return added(weight, 8.0, 2.0, t - 1) + added(opposed, 8.0, 16.0, t - 1)

        spike = exactly(case.spikes[0])
        assert abs(v(spike) - threshold) < mpmath.mpf(10) ** -46
        assert all(v(1 + (spike - 1) * k / 1_000) < threshold for k in range(1_000))


def test_inhibition_that_outlasts_excitation_makes_v_turn_twice() -> None:
    case = goldset.case("lif_exp/receptors-turns-twice")
    ((_, _, weight),), ((_, _, opposed),) = (p["synapses"] for p in case.content["projections"])
    spike = float(case.spikes[0].value)
    times = [6.0 + (spike - 6.0) * k / 1_000 for k in range(1_001)]
    v = [
        float(1.25 * -mpmath.expm1(-t / 8) + added(weight, 8.0, 2.0, t - 6) + added(opposed, 8.0, 16.0, t - 6))
        for t in times
    ]
    rising = [b > a for a, b in itertools.pairwise(v)]
    assert [key for key, _ in itertools.groupby(rising)] == [True, False, True]
    assert v[-1] == pytest.approx(1.0, abs=1e-14)
    assert max(v[:-1]) < 1.0


def test_the_theta_neuron_takes_eight_pi_from_spike_to_spike() -> None:
    spikes = goldset.case("qif/theta").spikes
    with mpmath.workdps(60):
        assert abs(exactly(spikes[0]) - 4 * mpmath.pi) < mpmath.mpf(10) ** -48
        for one, two in itertools.pairwise(spikes[2:]):
            assert abs(exactly(two) - exactly(one) - 8 * mpmath.pi) < mpmath.mpf(10) ** -47


# -- eventsim on it ---------------------------------------------------------------------------------------------------


def test_the_reference_engine_passes_every_case() -> None:
    report = goldset.check(goldset.simulate(goldset.cases(), "reference"))
    assert report.ok, [(one.case, one.text()) for one in report.verdicts if not one.ok]
    assert len(report.verdicts) == len(EVERY)
    # Half of what is allowed is room for other mathematics libraries, and for simulators with other formulas.
    allowed = {one.name: one.roundings for one in goldset.cases()}
    assert all(one.roundings <= allowed[one.case] / 2 for one in report.verdicts)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["linear_psp", "ttfs_b1", "ttfs_alpha1", "lif_delta", "qif", "lif_exp", "relay"])
def test_the_compiled_engine_gives_the_same_bits(model) -> None:
    """Models whose loops other tests need, too; `test_engines.py` holds the bits of all in random networks."""
    cases = [one for one in goldset.cases() if one.name.startswith(f"{model}/") and "/receptors" not in one.name]
    found, expected = goldset.simulate(cases), goldset.simulate(cases, "reference")
    assert found.spikes == expected.spikes
    assert found.readouts == expected.readouts
    assert goldset.check(found).ok


@pytest.mark.parametrize("case", RATIONAL_CASES, ids=lambda case: case.name)
def test_on_fractions_rational_cases_are_exact(case) -> None:
    found = goldset.simulate([case], "reference", Fraction)
    times = [(name, i, Fraction(t)) for name, i, t in found.spikes[case.name]]
    assert sorted(times) == sorted((one.population, one.neuron, one.value) for one in case.spikes)
    assert all(one.rational for one in case.spikes)


# -- the check --------------------------------------------------------------------------------------------------------


def test_results_that_are_right_pass_and_the_others_are_named_as_not_given(tmp_path) -> None:
    report = goldset.check(goldset.read_results(saved(tmp_path)))
    assert report.ok
    assert report.passed == 3
    assert len(report.not_given) == len(EVERY) - 3


def test_no_result_at_all_is_no_pass(tmp_path) -> None:
    assert not goldset.check(goldset.read_results(saved(tmp_path, cases={}))).ok


def verdict_of(path, name="linear_psp/layers", tolerance=0.0):
    report = goldset.check(goldset.read_results(path), tolerance)
    assert not report.ok
    (verdict,) = [one for one in report.verdicts if not one.ok]
    assert verdict.case == name
    return verdict


def test_a_spike_that_is_missing_is_named(tmp_path) -> None:
    verdict = verdict_of(saved(tmp_path, lambda cases: cases["linear_psp/layers"]["spikes"].pop(1)))
    assert [(one.population, one.neuron, one.value) for one in verdict.missing] == [("first", 1, Fraction(9, 8))]
    assert (verdict.extra, verdict.late) == ([], [])
    assert verdict.text() == "1 missing: first[1] at 1.125"


def test_a_spike_too_many_is_named(tmp_path) -> None:
    verdict = verdict_of(saved(tmp_path, lambda cases: cases["linear_psp/layers"]["spikes"].append(["first", 1, 5.5])))
    assert verdict.extra == [("first", 1, Fraction(11, 2))]
    assert (verdict.missing, verdict.late) == ([], [])


@pytest.mark.parametrize("wrong", [1.125 * (1 + 2.0**-46), "1.12500000000001", "0x1.2000000000080p+0"])
def test_a_time_that_is_off_by_more_than_its_roundings_fails(tmp_path, wrong) -> None:
    def change(cases):
        cases["linear_psp/layers"]["spikes"][1][2] = wrong

    verdict = verdict_of(saved(tmp_path, change))
    assert [entry[:3] for entry in verdict.late] == [("first", 1, 1.125)]
    assert 1e-15 < verdict.largest < 1e-13
    report = goldset.check(goldset.read_results(tmp_path / "results.json"), tolerance=1e-12)
    assert report.ok


def test_a_time_with_more_digits_than_a_float_is_compared_with_all_of_them(tmp_path) -> None:
    def change(cases):
        cases["lif_exp/one-input"]["spikes"][0][2] = goldset.case("lif_exp/one-input").content["spikes"][0]["decimal"]

    report = goldset.check(goldset.read_results(saved(tmp_path, change)))
    assert [one.largest for one in report.verdicts if one.case == "lif_exp/one-input"] == [0.0]


def test_a_read_out_that_is_off_or_missing_fails(tmp_path) -> None:
    def off(cases):
        cases["integrator/drift"]["readouts"][0][2] = 1.1250001

    assert verdict_of(saved(tmp_path, off), "integrator/drift").wrong_readouts[0][:3] == ("neuron", 0, 1.125)
    missing = verdict_of(saved(tmp_path, lambda cases: cases["integrator/drift"].pop("readouts")), "integrator/drift")
    assert missing.wrong_readouts == [("neuron", 0, 1.125, None)]


def test_no_case_tolerates_another_case_s_answer() -> None:
    """What two cases differ in is more than their tolerances: the second of each pair is a planted wrong answer."""
    for right, wrong in (
        ("lif_exp/tangent-below", "lif_exp/tangent-above"),
        ("linear_psp/before-the-crossing", "linear_psp/at-the-crossing"),
        ("step_psp/strict", "step_psp/inclusive"),
        ("ttfs_b1/at-t-max", "ttfs_b1/before-t-max"),
        ("lif_delta/just-below", "lif_delta/just-above"),
    ):
        found = goldset.simulate([goldset.case(wrong)], "reference")
        planted = goldset.Results("planted", {right: found.spikes[wrong]}, {}, {})
        assert not goldset.check(planted).ok


# -- files of results -------------------------------------------------------------------------------------------------


def test_results_read_back_as_they_were(tmp_path) -> None:
    results = goldset.simulate(goldset.cases()[:20], "reference")
    goldset.save_results(results, tmp_path / "results.json")
    assert goldset.read_results(tmp_path / "results.json") == results


def entry(value):
    return {"linear_psp/layers": {"spikes": [value]}}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"format": "x"}, r"format \"x\", version 1; must be 'eventsim-goldset-results', 1"),
        ({"version": 2}, "version 2; must be"),
        ({"version": True}, "version true; must be"),
        ({"edition": 2}, "edition 2; this eventsim has edition 3"),
        ({"edition": 99}, "edition 99; this eventsim has edition 3"),
        ({"simulator": ""}, 'simulator ""; must be its name'),
        ({"simulater": "x"}, "unknown key \"simulater\", did you mean 'simulator'"),
        ({"cases": []}, "cases: a list of 0; must be a JSON object"),
        ({"cases": {"lif_exp/one-inputs": {"spikes": []}}}, "no case .*did you mean 'lif_exp/one-input'"),
        ({"cases": {"linear_psp/layers": {}}}, "spikes: null; must be a list"),
        ({"cases": {"linear_psp/layers": {"spikes": [], "spike": 1}}}, 'unknown key "spike", did you mean'),
        ({"cases": entry(["first", 0])}, r"spikes\[0\]: a list of 2; must be \[population, neuron, time\]"),
        ({"cases": entry(["frist", 0, 1.0])}, "population \"frist\", did you mean 'first'"),
        ({"cases": entry(["input", 0, 1.0])}, "must be one of first, second. Spikes of sources are not listed"),
        ({"cases": entry([["first"], 0, 1.0])}, "population a list of 1"),
        ({"cases": entry(["first", 3, 1.0])}, "neuron 3 of 'first'; must be a whole number from 0 to 2"),
        ({"cases": entry(["first", True, 1.0])}, "neuron true"),
        ({"cases": entry(["first", 10**30, 1.0])}, "neuron a number of many digits"),
        ({"cases": entry(["first", 0, None])}, "time null; must be finite"),
        ({"cases": entry(["first", 0, "nan"])}, 'time "nan"'),
        ({"cases": entry(["first", 0, 1e300])}, "time 1e.300"),
        ({"cases": entry(["first", 0, "1e999999999"])}, 'time "1e999999999"'),
        ({"cases": entry(["first", 0, "0x1p+9999"])}, 'time "0x1p.9999"'),
        ({"cases": entry(["first", 0, "1/0"])}, 'time "1/0"'),
        ({"cases": entry(["first", 0, "1e999"])}, 'time "1e999"; must be finite, below 2.53'),
        ({"cases": entry(["first", 0, "0x1p+53"])}, 'time "0x1p.53"'),
        ({"cases": entry(["first", 0, "9007199254740993/1"])}, "below 2.53"),
        ({"simulator": "\ud800"}, "must be its name and version, one line"),
        ({"simulator": "a\x1b[31m"}, "must be its name and version, one line"),
        ({"cases": entry(["first", 0, "9" * 500])}, 'time "9{50,60}…'),
        ({"skipped": {"lif_exp/one-input": "why"}}, "of a case that is not among `cases`"),
        ({"skipped": {"lif_exp/equal": 3}}, "must be a line of 1 to 1,000"),
    ],
)
def test_what_is_wrong_with_a_file_of_results_is_said(tmp_path, keys, message) -> None:
    with pytest.raises(FileFormatError, match=message):
        goldset.read_results(saved(tmp_path, **keys))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        ("[1]", "a list of 1; must be a JSON object"),
        ('{"format": "a", "format": "b"}', 'the key "format" occurs twice'),
        ('{"format": NaN}', "NaN is no number"),
        ('{"version": ' + "9" * 10_000 + "}", "write numbers as"),
        (b"\xff\xfe\x00", "this is no JSON"),
    ],
)
def test_what_is_no_file_of_results_is_refused(tmp_path, text, message) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFormatError, match=message):
        goldset.read_results(path)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path) -> None:
    with pytest.raises(FileFormatError, match="there is no such file"):
        goldset.read_results(tmp_path / "nothing.json")
    with pytest.raises(FileFormatError, match="no file of results but a folder"):
        goldset.read_results(tmp_path)
    with pytest.raises(FileFormatError, match="no file of results but a folder or a device"):
        goldset.read_results(os.devnull)
    with (tmp_path / "large.json").open("wb") as stream:
        stream.truncate(60_000_000)
    with pytest.raises(FileFormatError, match="60,000,000 bytes; allowed: 50,000,000"):
        goldset.read_results(tmp_path / "large.json")


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf"), "0.1"])
def test_a_tolerance_that_is_none_is_refused(tolerance) -> None:
    with pytest.raises(InputError, match=r"goldset\.check: tolerance = "):
        goldset.check(goldset.Results("x", {}, {}, {}), tolerance)


def test_spikes_that_nobody_expected_are_counted() -> None:
    name = "linear_psp/thirds"
    results = goldset.Results("x", {name: [("neuron", 0, k / 1_000) for k in range(100_000)]}, {}, {})
    (verdict,) = goldset.check(results).verdicts
    assert (len(verdict.missing), len(verdict.extra)) == (1, 100_000)


def test_a_wrong_name_of_a_case_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no case 'lif_exp/one', did you mean 'lif_exp/once'"):
        goldset.case("lif_exp/one")


# -- the command line -------------------------------------------------------------------------------------------------


def test_run_and_check_on_the_command_line(tmp_path, capsys) -> None:
    path = tmp_path / "results.json"
    assert main(["goldset", "run", "--out", str(path), "--engine", "reference"]) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == FORMAT
    assert main(["goldset", "check", str(path), "--all"]) == 0
    assert f"OK: {len(EVERY)} of {len(EVERY)} cases" in capsys.readouterr().out


def test_check_exits_with_one_where_a_case_is_wrong_and_two_where_the_file_is(tmp_path, capsys) -> None:
    path = saved(tmp_path)
    assert main(["goldset", "check", str(path)]) == 0
    assert main(["goldset", "check", str(path), "--all"]) == 1
    saved(tmp_path, lambda cases: cases["linear_psp/layers"]["spikes"].pop())
    assert main(["goldset", "check", str(path), "--json"]) == 1
    out = capsys.readouterr().out
    report = json.loads(out[out.index("{\n") :])
    assert (report["passed"], report["failed"]) == (2, 1)
    assert main(["goldset", "check", str(saved(tmp_path, version=7))]) == 2
    assert main(["goldset", "check", str(path), "--tolerance", "-1"]) == 2
    assert main(["goldset", "run", "--out", str(path), "--only", "lif_expp"]) == 2


def test_cases_are_listed_by_model_and_shown(capsys) -> None:
    assert main(["goldset", "list", "--only", "if_exp", "--json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["cases"]]
    assert names == [one.name for one in goldset.cases() if one.models == ("if_exp",)]
    assert main(["goldset", "show", "linear_psp/thirds"]) == 0
    assert "4/3" in capsys.readouterr().out
    assert main(["goldset", "show", "lif_exp/receptors-sign"]) == 0
    assert "to_inhibitory -> neuron [inhibitory]" in capsys.readouterr().out
    assert main(["goldset", "show", "linear_psp/thirds", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == goldset.case("linear_psp/thirds").content


def test_a_case_is_a_network_like_any_other() -> None:
    case = goldset.case("linear_psp/thirds")
    run = eventsim.simulate(goldset.network(case), eventsim.SpikeTimes([[0.0, 1.0]]), engine="reference")
    assert run.spike_times("neuron")[0, 0] == case.spikes[0].nearest
