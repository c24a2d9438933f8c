"""Training of time-to-first-spike networks by gradient descent on their spike times."""

from eventsim.models.train.checkpoint import load_training, save_training
from eventsim.models.train.event_gradients.gradients import gradients
from eventsim.models.train.event_gradients.losses import Cotangents, EarliestWins, OnFirstSpikes, OnReadout
from eventsim.models.train.event_gradients.result import Gradients
from eventsim.models.train.initialise import initialise
from eventsim.models.train.jacobians import jacobians, network_jacobian
from eventsim.models.train.judge import Judge, Verdict
from eventsim.models.train.loop import fit
from eventsim.models.train.losses import CrossEntropy, MeanSquare
from eventsim.models.train.naive_start import NaiveStart
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.optimizers import SGD, Adam
from eventsim.models.train.row_spectrum import largest_singular_value, share_within
from eventsim.models.train.schedules import Constant, Cosine, Steps
from eventsim.models.train.sharpness import sharpness
from eventsim.models.train.spiking import relu_network, spiking_network
from eventsim.models.train.training import Epoch, Training, accuracy
from eventsim.models.train.weight_metric import step_factors
from eventsim.models.train.windows import Growth, Quantile

__all__ = [
    "SGD",
    "Adam",
    "Constant",
    "Cosine",
    "Cotangents",
    "CrossEntropy",
    "EarliestWins",
    "Epoch",
    "Gradients",
    "Growth",
    "Judge",
    "MeanSquare",
    "NaiveStart",
    "OnFirstSpikes",
    "OnReadout",
    "Quantile",
    "Steps",
    "TrainableNetwork",
    "Training",
    "Verdict",
    "accuracy",
    "fit",
    "gradients",
    "initialise",
    "jacobians",
    "largest_singular_value",
    "load_training",
    "network_jacobian",
    "relu_network",
    "save_training",
    "share_within",
    "sharpness",
    "spiking_network",
    "step_factors",
    "trainable",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
