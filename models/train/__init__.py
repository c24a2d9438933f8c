"""Training of time-to-first-spike networks by gradient descent on their spike times."""

from eventsim.models.train.carry_out import Outcome, TrainingFolder, carry_out
from eventsim.models.train.checkpoint import load_training, save_training
from eventsim.models.train.converted import trainable_from
from eventsim.models.train.epoch import Epoch, write_log
from eventsim.models.train.event_gradients.gradients import gradients
from eventsim.models.train.event_gradients.losses import Cotangents, OnFirstSpikes, OnReadout
from eventsim.models.train.event_gradients.result import Gradients
from eventsim.models.train.first_spike_losses import EarliestWins, TargetTimes
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.initialise import initialise
from eventsim.models.train.jacobians import jacobians, network_jacobian
from eventsim.models.train.judge import Judge, Verdict
from eventsim.models.train.loop import fit
from eventsim.models.train.losses import CrossEntropy, MeanSquare
from eventsim.models.train.naive_start import NaiveStart
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.optimizers import SGD, Adam
from eventsim.models.train.plan import Plan, plan_of
from eventsim.models.train.plan_file import read_plan, write_plan
from eventsim.models.train.row_spectrum import largest_singular_value, share_within
from eventsim.models.train.safe_windows import safe_windows
from eventsim.models.train.schedules import Constant, Cosine, Steps
from eventsim.models.train.sharpness import sharpness
from eventsim.models.train.spiking import relu_network, spiking_network
from eventsim.models.train.training import Training, accuracy
from eventsim.models.train.weight_metric import step_factors
from eventsim.models.train.windows import Certified, Fixed, Growth, Quantile

__all__ = [
    "SGD",
    "Adam",
    "Certified",
    "Constant",
    "Cosine",
    "Cotangents",
    "CrossEntropy",
    "EarliestWins",
    "Epoch",
    "Fixed",
    "Gradients",
    "Growth",
    "HardwareAware",
    "Judge",
    "MeanSquare",
    "NaiveStart",
    "OnFirstSpikes",
    "OnReadout",
    "Outcome",
    "Plan",
    "Quantile",
    "Steps",
    "TargetTimes",
    "TrainableNetwork",
    "Training",
    "TrainingFolder",
    "Verdict",
    "accuracy",
    "carry_out",
    "fit",
    "gradients",
    "initialise",
    "jacobians",
    "largest_singular_value",
    "load_training",
    "network_jacobian",
    "plan_of",
    "read_plan",
    "relu_network",
    "safe_windows",
    "save_training",
    "share_within",
    "sharpness",
    "spiking_network",
    "step_factors",
    "trainable",
    "trainable_from",
    "write_log",
    "write_plan",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
