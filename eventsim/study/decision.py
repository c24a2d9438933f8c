"""What of a network decides, and which labels it can be right about.

Relies on the network. Used by `Study`, before anything runs, and by `bench`, of the network of each point.
"""

from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError, listed, nearest
from eventsim.network.network import Network, Population

Array = np.ndarray[Any, Any]


class Decision(NamedTuple):
    """How a network decides.

    Attributes
    ----------
    n_out
        Outputs, of which one is chosen or, with `signs`, each says yes or no.
    """

    n_out: int
    signs: bool


def decision_of(net: Network, output: str | None) -> Decision | None:
    """Return how a network decides; None where nothing of it does: no read-out, or one output and no sign.

    Parameters
    ----------
    output
        The population whose earliest spike decides; None: the read-out does.

    Raises
    ------
    InputError
        An output that there is not, or that never fires.
    """
    if output is not None:
        names = [node.name for node in net.nodes]
        if output not in names:
            raise InputError(
                f"study: output = {output!r}{nearest(output, names)}; must be a population of the network, which has "
                f"{listed(names)}. Choose one of them."
            )
        node = net.node(output)
        if isinstance(node, Population) and not node.model.spiking:
            raise InputError(
                f"study: output = {output!r}, a read-out, which never fires; must be a population whose first spike "
                "decides. Leave it out: the read-out decides by its values."
            )
        return Decision(node.size, False)
    n_out = sum(population.size for population in net.populations if not population.model.spiking)
    signs = net.provenance.get("decision") == "sign"
    return Decision(n_out, signs) if n_out and (signs or n_out > 1) else None


def check_labels(labels: Array, n_samples: int, decision: Decision | None) -> None:
    """Refuse labels that no decision can be equal to.

    Raises
    ------
    InputError
        Labels where nothing decides, of another shape than the decisions, or that no output stands for.
    """
    if decision is None:
        raise InputError(
            "study: labels, but nothing of the network decides; must be a read-out of several outputs, or output=. "
            "Leave the labels out, or name the population whose first spike decides."
        )
    if len(labels) != n_samples:
        raise InputError(
            f"study: {len(labels)} labels, but {n_samples} samples; must be as many. Give the right decision of each "
            "sample."
        )
    several = decision.signs and decision.n_out > 1
    shape = (n_samples, decision.n_out) if several else (n_samples,)
    if labels.shape != shape:
        raise InputError(
            f"study: labels have shape {labels.shape}; must be {shape}, as the decisions have. Give the right decision "
            f"of each sample{', 0 or 1 for each output' if several else ''}."
        )
    most = 1 if decision.signs else decision.n_out - 1
    outside = labels[(labels < 0) | (labels > most)]
    if outside.size:
        raise InputError(
            f"study: labels have {outside[0]}; must be 0 to {most}, since the network has {decision.n_out} "
            f"output{'s' if decision.n_out > 1 else ''}. Count classes from 0."
        )
