"""The switches of CUDA's matrix products; ``backends.cuda.matmul.allow_tf32`` can be set."""

from types import SimpleNamespace

from tensorgrad.base.hardware import is_built

__all__ = ["is_built", "matmul"]

matmul = SimpleNamespace(allow_tf32=False)
