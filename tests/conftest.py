"""What all tests share: the Hypothesis profiles and the folder of the real MNIST."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: the first call of a property pays for imports and caches. In CI the examples are the same in every run,
# so that a change is never blamed for an example that another run did not draw.
_IN_CI = "CI" in os.environ
for _name, _examples in {"fast": 20, "default": 100, "nightly": 1000}.items():
    settings.register_profile(_name, max_examples=_examples, deadline=None, derandomize=_IN_CI)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder of the real MNIST, which lies beside the checkout and is not part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip(
            "the real MNIST is not in ../shared/data/mnist: a check of the loader on the true files is left out"
        )
    return folder
