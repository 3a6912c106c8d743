"""Parameters and buffers under PyTorch's path ``torch.nn.parameter`` (see `nn.module.parameter`)."""

from tensorgrad.nn.module.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]
