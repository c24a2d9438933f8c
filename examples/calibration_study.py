"""How large must the sample be that sets the windows? Premature spikes and agreement on 400 held-out digits.

Published windows are (1 + margin) times the largest activation of so many training images, certified ones as much
times the smallest window in which no neuron of these images is premature.
"""

from pathlib import Path

from matplotlib.figure import Figure

from eventsim import viz
from eventsim.models import studies
from eventsim.study import Results, read_study

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "calibration_study.png"


def draw(results: Results) -> Figure:
    """Two panels: premature spikes, and the share of images that are decided as the ReLU network decides."""
    figure = Figure(figsize=(10.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    viz.study_curve(
        results, "network.samples", left, of="premature", spread="seeds", over="network.draw", title="premature spikes"
    )
    viz.study_curve(
        results,
        "network.samples",
        right,
        of="agreement",
        spread="seeds",
        over="network.draw",
        title="agreement, 5 draws",
    )
    left.set_yscale("symlog", linthresh=1)
    left.set_ylim(bottom=0)
    left.get_legend().remove()  # that of the other panel says it
    return figure


def main() -> None:
    """Run and draw."""
    draw(read_study(studies.path("digits-calibration")).study.run()).savefig(
        PICTURE, dpi=110, metadata={"Software": None}
    )


if __name__ == "__main__":
    main()
