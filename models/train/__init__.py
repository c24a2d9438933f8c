"""Training of time-to-first-spike networks by gradient descent on their spike times."""

from eventsim.models.train.event_gradients.gradients import gradients
from eventsim.models.train.event_gradients.losses import Cotangents, EarliestWins, OnFirstSpikes, OnReadout
from eventsim.models.train.event_gradients.result import Gradients

__all__ = ["Cotangents", "EarliestWins", "Gradients", "OnFirstSpikes", "OnReadout", "gradients"]
