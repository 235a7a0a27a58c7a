"""torchvision's networks beside a PyTorch for CPUs alone.

The wheels of torchvision on PyPI are for CUDA, and their operators do not load beside such a
PyTorch. Its networks are made of PyTorch's alone, but the package is not imported without the
operators' names.
"""

from __future__ import annotations

import torch

try:
    import torchvision
except RuntimeError:
    _POOLING = ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")
    _NAMES = ("nms", "qnms", *_POOLING, *(f"_{name}_backward" for name in _POOLING), "qroi_align")
    _LIBRARY = torch.library.Library("torchvision", "DEF")
    for _name in _NAMES:
        _LIBRARY.define(f"{_name}(Tensor x) -> Tensor")
    import torchvision

__all__ = ["torchvision"]
