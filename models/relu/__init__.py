"""A trained ReLU network: its layers, its forward pass, and the same function by layers that spikes can carry."""

from eventsim.models.relu.relu_network import (
    Add,
    AveragePool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPool,
    ReluNetwork,
)

__all__ = [
    "Add",
    "AveragePool",
    "BatchNorm",
    "Clip",
    "Concat",
    "Conv",
    "Dense",
    "Flatten",
    "Layer",
    "LeakyReLU",
    "MaxPool",
    "ReluNetwork",
]
