"""Operations that are not differentiable everywhere, watched."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor


class TooNearError(Exception):
    """A training came nearer to a kink than wanted."""


class Kinks:
    """How near a training in float64 comes to where the network is not differentiable.

    An implementation whose rounding errors stay below the distance is on the same side of every
    kink, and its results can differ only by rounding. Beyond it they may jump.
    """

    distance = math.inf
    """Smallest |input of a ReLU| and smallest lead of a maximum in pooling, in units of the
    input's standard deviation."""
    wanted = 0.0
    """What is nearer is not worth going on with."""

    @classmethod
    def note(cls, distances: Tensor, scale: Tensor) -> None:
        """Takes the smallest of some distances into account."""
        if distances.dtype == torch.float64:
            cls.distance = min(cls.distance, float(distances.detach().min() / scale.detach().std()))
            if cls.distance < cls.wanted:
                raise TooNearError


def relu(x: Tensor) -> Tensor:
    """ReLU, watched."""
    Kinks.note(x.abs(), x)
    return F.relu(x)


def max_pool(x: Tensor, kernel: int, stride: int, padding: int, *, ceil: bool = False) -> Tensor:
    """Max-pooling, watched. Windows where all is 0 have nothing to lose."""
    end = padding + (stride - 1 if ceil else 0)
    windows = F.unfold(F.pad(x.detach(), (padding, end) * 2), kernel, stride=stride)
    windows = windows.view(len(x), x.shape[1], kernel * kernel, -1)
    first, second = windows.topk(2, dim=2).values.unbind(2)
    Kinks.note((first - second)[first > 0], x)
    return F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)


def maxout(x: Tensor, pieces: int) -> Tensor:
    """Channel c is the largest of channels c, C + c, 2C + c, ..., watched."""
    parts = x.unflatten(1, (pieces, -1))
    first, second = parts.detach().topk(2, dim=1).values.unbind(1)
    Kinks.note(first - second, x)
    return parts.amax(1)
