"""Layers of spike times for PyTorch: modules that take and give times, and drop into any training loop.

Spike times are relative to the t_min of the layer that they go to: they are <= 0, and 0 is no spike. `TTFSEncoder`
makes them from values. The equations, forward and backward, are those of `eventsim.models.train.layers`; PyTorch does
the linear operations. Relies on torch (extra `torch`). Used by users, and by `torch_reading`.

Parameters, state dicts, devices and dtypes work as for any module, parallel training with torch's own means. Inside the
layers autocast is off: a half-precision time has eleven bits, which are too few for a window. float64 is what the
simulator computes in; float32 is faster.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from eventsim.models.train.batch_norm import BatchNorm
from eventsim.models.train.fields import fields_of, folded
from eventsim.models.train.initialise import LARGEST_SUM
from eventsim.models.train.layers import (
    EarliestPool,
    LastNeurons,
    MeanPool,
    Neurons,
    ReadOut,
    TrainableLayer,
    check_takes,
)
from eventsim.models.train.linear_maps import ConvMap, DenseMap, per_row, row_sums
from eventsim.models.train.network import PUBLISHED_START
from eventsim.models.train.parameterisations import parameterisation
from eventsim.models.train.torch_arguments import check_groups, check_pool, check_sizes, sliding_of
from eventsim.models.train.torch_encoder import TTFSEncoder
from eventsim.models.train.torch_operations import TorchOperations
from eventsim.models.train.torch_shapes import check_takes_shape

__all__ = [
    "EarliestPool2d",
    "MeanPool2d",
    "TTFSConv2d",
    "TTFSEncoder",
    "TTFSLayer",
    "TTFSLinear",
    "TTFSReadOut",
    "TTFSReadOutConv2d",
]

Tensor = Any
OPERATIONS = TorchOperations()
HALF = (torch.float16, torch.bfloat16)


class _Pass(torch.autograd.Function):
    """One layer, forward and backward, by the equations of the trainer."""

    @staticmethod
    def forward(ctx: Any, module: "TTFSLayer", x: Tensor, *parameters: Tensor) -> Tensor:
        own = dict(zip(module.parameter_names, parameters, strict=True))
        state = {name: getattr(module, f"running_{name}") for name in module.layer.state_shapes()}
        given, tape = module.layer.forward(OPERATIONS, module.code, own, state, x, module.training)
        for name, values in state.items():
            getattr(module, f"running_{name}").copy_(values)
        ctx.module, ctx.tape, ctx.own = module, tape, own
        return given

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        module, to_input = ctx.module, ctx.needs_input_grad[1]
        with torch.autocast(grad.device.type, enabled=False):
            back, found = module.layer.backward(OPERATIONS, module.code, ctx.own, ctx.tape, grad, to_input)
        return (None, back, *[found[name] for name in module.parameter_names])


class TTFSLayer(nn.Module):
    """Base of the modules: a layer of the trainer with its parameters and running statistics.

    Attributes
    ----------
    layer
        The layer of the trainer that it is.
    code
        Its parameterisation.
    growth
        In training the buffer ``window`` becomes at least so many times as long as the largest value of each batch; 10
        is the published factor (Stanojevic et al. 2024, eq. 2.5), 0 leaves it as it is.
    """

    def __init__(self, layer: TrainableLayer, slope: Any, dtype: Any = None, device: Any = None) -> None:
        super().__init__()
        self.layer = layer
        self.code = parameterisation(slope)
        check_takes(layer, self.code)
        self.parameter_names = tuple(layer.parameter_shapes())
        kind: Any = {"dtype": dtype, "device": device}
        for name, shape in layer.parameter_shapes().items():
            made = torch.ones if name == "gamma" else torch.zeros
            self.register_parameter(name, nn.Parameter(made(shape, **kind)))
        for name, shape in layer.state_shapes().items():
            made = torch.ones if name == "variance" else torch.zeros
            self.register_buffer(f"running_{name}", made(shape, **kind))
        self.register_buffer("window", torch.tensor(PUBLISHED_START, **kind))
        self.growth = 10.0
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights by He's rule for ReLUs, carried over to spiking neurons; biases are 0."""
        if "weight" not in self.parameter_names:
            return
        with torch.no_grad():
            weight = torch.empty_like(self.weight)
            nn.init.kaiming_normal_(weight)
            bias = torch.zeros_like(self.bias)
            if isinstance(self.layer, Neurons):
                if self.code.name.startswith("alpha"):
                    excess = (row_sums(weight) - LARGEST_SUM).clamp(min=0) / weight[0].numel()
                    weight -= per_row(excess, weight)
                weight, bias = self.code.from_relu(weight, bias)
            self.weight.copy_(weight)
            self.bias.copy_(bias)

    def forward(self, times: Tensor) -> Tensor:
        """Return what the layer sends: times <= 0, (n, *shape); of a read-out, potentials.

        Parameters
        ----------
        times
            Relative to the t_min of this layer, <= 0; 0 is no spike. (n, n_in) or (n, channels, *positions).

        Raises
        ------
        InputError
            Times of another shape; a pool of which windows would hold no input.
        """
        check_takes_shape(type(self).__name__, self.layer, tuple(times.shape))
        if times.dtype in HALF:
            times = times.to(self.weight.dtype if "weight" in self.parameter_names else torch.float32)
        with torch.autocast(times.device.type, enabled=False):
            sent: Tensor = _Pass.apply(self, times, *[getattr(self, name) for name in self.parameter_names])
            if self.training and self.growth and len(sent) and isinstance(self.layer, Neurons | MeanPool):
                with torch.no_grad():
                    self.window.copy_(torch.maximum(self.window, -self.growth * sent.min().to(self.window.dtype)))
            return sent

    def as_values(self) -> nn.Module:
        """Return modules of PyTorch that compute with values what this one does with spike times, as it evaluates."""
        layer = self.layer
        if isinstance(layer, EarliestPool):
            where = layer.sliding
            padding = [pair[0] for pair in where.padding]
            return nn.MaxPool2d(where.kernel, where.stride, padding, where.dilation)
        if isinstance(layer, MeanPool):
            return nn.AvgPool2d(layer.sliding.kernel, layer.sliding.stride, [pair[0] for pair in layer.sliding.padding])
        assert isinstance(layer, Neurons | ReadOut)
        weight, bias = folded(layer, *self._arrays())
        if isinstance(layer, Neurons):
            weight, bias = self.code.to_relu(weight, bias)
        linear = layer.linear
        if isinstance(linear, ConvMap):
            shape: Any = (linear.c_in, linear.c_out, linear.sliding.kernel, linear.sliding.stride)
            padding = [pair[0] for pair in linear.sliding.padding]
            module: Any = nn.Conv2d(*shape, padding, linear.sliding.dilation, linear.groups)
        else:
            module = nn.Linear(linear.n_in, linear.n_out)
        module = module.double()
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(weight))
            module.bias.copy_(torch.from_numpy(bias))
        flat = [] if isinstance(linear, ConvMap) else [nn.Flatten()]
        return nn.Sequential(*flat, module, *([nn.ReLU()] if isinstance(layer, Neurons) else []))

    def ttfs_fields(self, times: tuple[float, float], channels: int) -> dict[str, Any]:
        """Return its fields as `eventsim.models.ttfs_network` takes them.

        Parameters
        ----------
        times
            Its t_start and t_min.
        channels
            How many channels it takes.
        """
        return fields_of(self.layer, self.code, *self._arrays(), float(self.window), times, channels)

    def _arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its parameters and running statistics as numpy's arrays."""
        own = {name: getattr(self, name).detach().cpu().double().numpy() for name in self.parameter_names}
        state = {name: getattr(self, f"running_{name}").cpu().double().numpy() for name in self.layer.state_shapes()}
        return own, state

    def extra_repr(self) -> str:
        """What it is, for `print`."""
        return f"{self.layer}, slope={self.code.name!r}"


class TTFSLinear(TTFSLayer):
    """Neurons behind a weighted sum of all inputs.

    Parameters
    ----------
    in_features, out_features
        How many inputs and neurons.
    slope
        "b1", "alpha1", or "relu" for the network of values that it is compared with.
    batch_norm
        Whether a batch norm stands between the sums and the neurons, as PyTorch's; its beta is `bias`.
    last
        Whether they are the outputs, of which the first that fires decides: their times are not cut at t_max, so that
        those above 0, of silent neurons, say by how much they are too late (`torch_losses.EarliestWinsLoss`).
    dtype, device
        As for any module.

    Raises
    ------
    NetworkError
        Sizes that are no whole numbers, a slope that is none.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        slope: Any = "b1",
        *,
        batch_norm: bool = False,
        last: bool = False,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        check_sizes("TTFSLinear", in_features=in_features, out_features=out_features)
        linear, kind = DenseMap(out_features, in_features), LastNeurons if last else Neurons
        super().__init__(kind("", linear, (out_features,), BatchNorm() if batch_norm else None), slope, dtype, device)


class TTFSConv2d(TTFSLayer):
    """Neurons behind a convolution.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups
        As for `torch.nn.Conv2d`; what lies outside is no spike.
    slope, batch_norm, dtype, device
        As for `TTFSLinear`.

    Raises
    ------
    NetworkError
        Settings that are no whole numbers, or groups that do not divide channels; a slope that is none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        slope: Any = "b1",
        *,
        batch_norm: bool = False,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        sliding = sliding_of("TTFSConv2d", kernel_size, stride, padding, dilation)
        check_sizes("TTFSConv2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
        check_groups("TTFSConv2d", groups, in_channels=in_channels, out_channels=out_channels)
        linear = ConvMap(out_channels, in_channels, sliding, groups)
        super().__init__(
            Neurons("", linear, (out_channels,), BatchNorm() if batch_norm else None), slope, dtype, device
        )


class TTFSReadOut(TTFSLayer):
    """Integrators, whose potentials when the last window has ended are the outputs, or logits.

    Parameters
    ----------
    in_features, out_features
        How many inputs and outputs.
    slope, dtype, device
        As for `TTFSLinear`; of the slope only counts whether it takes times or values.

    Raises
    ------
    NetworkError
        Sizes that are no whole numbers, a slope that is none.
    """

    def __init__(
        self, in_features: int, out_features: int, slope: Any = "b1", *, dtype: Any = None, device: Any = None
    ) -> None:
        check_sizes("TTFSReadOut", in_features=in_features, out_features=out_features)
        linear = DenseMap(out_features, in_features)
        super().__init__(ReadOut("", linear, (out_features,)), slope, dtype, device)


class TTFSReadOutConv2d(TTFSLayer):
    """Integrators behind a convolution, whose potentials at each position are the outputs.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups
        As for `torch.nn.Conv2d`; what lies outside is no spike.
    slope, dtype, device
        As for `TTFSReadOut`.

    Raises
    ------
    NetworkError
        Settings that are no whole numbers.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        slope: Any = "b1",
        *,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        sliding = sliding_of("TTFSReadOutConv2d", kernel_size, stride, padding, dilation)
        check_sizes("TTFSReadOutConv2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
        check_groups("TTFSReadOutConv2d", groups, in_channels=in_channels, out_channels=out_channels)
        linear = ConvMap(out_channels, in_channels, sliding, groups)
        super().__init__(ReadOut("", linear, (out_channels,)), slope, dtype, device)


class EarliestPool2d(TTFSLayer):
    """A max pool of values: the earliest spike of each window goes on.

    Parameters
    ----------
    kernel_size, stride, padding, dilation
        As for `torch.nn.MaxPool2d`.
    slope
        As for `TTFSReadOut`.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        slope: Any = "b1",
    ) -> None:
        sliding = sliding_of("EarliestPool2d", kernel_size, stride, padding, dilation)
        check_pool("EarliestPool2d", sliding)
        super().__init__(EarliestPool("", sliding, ()), slope)


class MeanPool2d(TTFSLayer):
    """An average pool: the mean of the times in each window; what lies outside is no spike.

    Parameters
    ----------
    kernel_size, stride, padding, slope
        As for `EarliestPool2d`.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        slope: Any = "b1",
    ) -> None:
        sliding = sliding_of("MeanPool2d", kernel_size, stride, padding)
        check_pool("MeanPool2d", sliding)
        super().__init__(MeanPool("", sliding, ()), slope)
