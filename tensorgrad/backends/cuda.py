"""The switches of CUDA's matrix products; ``backends.cuda.matmul.allow_tf32`` can be set."""

from __future__ import annotations

from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False)


def is_built() -> bool:
    """Return False: there is no CUDA."""
    return False
