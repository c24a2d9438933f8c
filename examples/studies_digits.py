"""What the digits networks take: the studies that come with eventsim, one panel each.

The first run takes some minutes; results are kept in a temporary folder as long as the script runs. A study whose fault
this version does not have is left out.
"""

from pathlib import Path

from matplotlib.figure import Figure

from eventsim import FaultError, viz
from eventsim.models import studies
from eventsim.study import Results, read_study

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "studies_digits.png"
PANELS = {
    "digits-jitter": "spike-time noise, 16 trials",
    "digits-mismatch": "mismatch of slopes, 16 chips",
    "digits-windows": "windows (1 + margin) X",
    "digits-time-bits": "bits of spike times",
    "digits-weight-bits": "bits of weights",
    "digits-window-cuts": "windows cut to a quantile",
}


def results() -> dict[str, Results]:
    """Run each study, on all cores."""
    found = {}
    for name in PANELS:
        try:
            found[name] = read_study(studies.path(name)).study.run()
        except FaultError as missing:
            print(f"{name}: left out: {missing}")
    return found


def main() -> None:
    """Run and draw."""
    found = results()
    figure = Figure(figsize=(10.0, 3.0 * ((len(found) + 1) // 2)), layout="constrained")
    axes = figure.subplots((len(found) + 1) // 2, 2, squeeze=False).ravel()
    for ax, (name, one) in zip(axes, found.items(), strict=False):
        windows = name == "digits-windows"
        knob, over = ("network.margin", ["network.draw"]) if windows else (None, ())
        viz.study_curve(one, knob, ax, over=over, title=PANELS[name])
    for ax in axes[len(found) :]:
        ax.remove()
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
