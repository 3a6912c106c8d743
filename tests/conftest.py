"""What all tests share: the Hypothesis profiles, the folder of the real MNIST, a browser, and that nothing is left."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tensorgrad.compiled.toolchain import compiler
from tests import compile_networks
from tests.browser import Browser, NoBrowserError
from tests.leftovers import (  # noqa: F401 - pytest takes hooks and fixtures from here
    nothing_is_left,
    pytest_configure,
    pytest_runtest_logfinish,
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_terminal_summary,
)

# No deadline, nor a complaint of slow examples: the first call of a property pays for imports and caches, and a machine
# may be slow or busy. In CI the examples are the same in every run, so that a change is never blamed for an example
# that another run did not draw.
_IN_CI = "CI" in os.environ
for _name, _examples in {"fast": 20, "default": 100, "nightly": 1000}.items():
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=_IN_CI,
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# In the background of a shell, the tests and the processes that they start would ignore Ctrl-C, which some tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Take what pytest knows of 35,000 tests, a million objects, out of each search for objects that a test makes."""
    gc.collect()
    gc.freeze()


_handing_on: list[str] = []


def pytest_runtest_setup() -> None:
    """Let PyTorch's loggers hand on, once it is there: pytest listens six times a test at each that does not."""
    if not _handing_on and "torch" in sys.modules:
        for name, logger in logging.root.manager.loggerDict.items():
            if name.partition(".")[0] == "torch" and isinstance(logger, logging.Logger):
                logger.propagate = True
                _handing_on.append(name)


@pytest.fixture(params=["numpy", "c"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each backend of `compile`; the one in C, which rounds otherwise, has its numbers compared to within limits."""
    if request.param == "c":
        if compiler() is None:
            pytest.skip("no C compiler here")
        monkeypatch.setattr(compile_networks, "LIMITS", {"float32": 2e-5, "float64": 1e-9})
    return str(request.param)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder of the real MNIST, which is not part of the checkout: TENSORGRAD_MNIST, or one beside it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
    folder = Path(os.environ.get("TENSORGRAD_MNIST") or beside)
    if not folder.is_dir():
        pytest.skip(
            "the real MNIST is neither in TENSORGRAD_MNIST nor in ../shared/data/mnist: a check on it is left out"
        )
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One headless chromium for all tests that need a browser."""
    try:
        browser = Browser()
    except NoBrowserError as error:
        pytest.skip(f"{error}: drawings are not tried in a real browser")
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser as it is when nothing has been set; the test fails if a page complains on the console."""
    chromium.usual()
    chromium.log("browser")
    chromium.requests()
    yield chromium
    assert [entry["message"] for entry in chromium.log("browser") if entry["level"] == "SEVERE"] == []
