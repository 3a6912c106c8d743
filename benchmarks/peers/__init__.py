"""Who is measured: each peer's name, the library it needs, and the module here that prepares its runs."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from benchmarks.problems import Prepare

SUBJECT = "tensorgrad"
COMPILED, IN_C = "compiled", "compiled-c"
OWN = (SUBJECT, COMPILED, IN_C)
"""Who is compared to the others: tensorgrad as it is, and its own plans of whole steps."""

REFERENCE = "pytorch"

# In the order of the table. PyTorch comes early: what the others compute is compared to it.
_PEERS = {
    SUBJECT: ("tensorgrad", "benchmarks.peers.subject"),
    COMPILED: ("tensorgrad", "benchmarks.peers.compiled_numpy"),
    IN_C: ("tensorgrad", "benchmarks.peers.compiled_c"),
    REFERENCE: ("torch", "benchmarks.peers.pytorch"),
    "torch.compile": ("torch", "benchmarks.peers.torch_compiled"),
    "jax": ("jax", "benchmarks.peers.jax_jit"),
    "autograd": ("autograd", "benchmarks.peers.hips"),
    "mygrad": ("mygrad", "benchmarks.peers.mygrad_peer"),
    "numpy": ("numpy", "benchmarks.peers.handwritten"),
    "products": ("numpy", "benchmarks.peers.products"),
}
NAMES = tuple(_PEERS)


def library(name: str) -> str:
    """The name by which the peer's library is imported."""
    return _PEERS[name][0]


def is_installed(name: str) -> bool:
    """Whether the library of this peer can be found; nothing is imported."""
    return find_spec(library(name)) is not None


def load(name: str) -> Prepare:
    """Import the peer's library, which may take seconds, and return what prepares its runs."""
    prepare: Prepare = import_module(_PEERS[name][1]).prepare
    return prepare
