"""Names: PyTorch's that are there, what a missing one is answered with, the version, and what importing costs."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.base import unknown
from tensorgrad.base.unknown import ABSENT, PLACES, UnknownNameError, proposals
from tensorgrad.errors import TensorgradError
from tensorgrad.version import Version

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"

_TEXT = """
    tensor as_tensor asarray from_numpy scalar_tensor zeros ones empty full eye arange range linspace logspace complex
    zeros_like ones_like empty_like full_like rand randn randint randperm normal bernoulli multinomial poisson
    rand_like randn_like randint_like Generator manual_seed seed initial_seed get_rng_state set_rng_state
    random.manual_seed random.fork_rng random.get_rng_state random.set_rng_state random.initial_seed random.seed
    random.default_generator float double half long int short bool uint8 int8 int16 int32 int64 float16 float32
    float64 complex64 complex128 cfloat cdouble finfo iinfo promote_types result_type can_cast is_floating_point
    is_complex is_tensor is_nonzero typename numel set_default_dtype get_default_dtype set_default_tensor_type
    set_default_device get_default_device FloatTensor DoubleTensor HalfTensor LongTensor IntTensor ShortTensor
    CharTensor ByteTensor BoolTensor Tensor Size device layout strided memory_format contiguous_format preserve_format
    cuda.is_available cuda.device_count cuda.manual_seed cuda.manual_seed_all cuda.empty_cache cuda.synchronize
    backends.mps.is_available backends.cudnn.deterministic backends.cudnn.benchmark backends.cuda.matmul.allow_tf32
    accelerator.is_available accelerator.current_accelerator xpu.is_available mps.manual_seed get_num_threads
    set_num_threads use_deterministic_algorithms are_deterministic_algorithms_enabled set_float32_matmul_precision
    set_printoptions is_grad_enabled no_grad enable_grad autograd.Variable __version__ Tensor.to Tensor.type
    Tensor.type_as Tensor.float Tensor.double Tensor.half Tensor.int Tensor.long Tensor.short Tensor.bool Tensor.byte
    Tensor.char Tensor.cpu Tensor.cuda Tensor.item Tensor.tolist Tensor.numel Tensor.nelement Tensor.element_size
    Tensor.nbytes Tensor.itemsize Tensor.stride Tensor.storage_offset Tensor.is_contiguous Tensor.contiguous
    Tensor.data_ptr Tensor.is_leaf Tensor.is_cuda Tensor.is_floating_point Tensor.is_complex Tensor.dim
    Tensor.ndimension Tensor.ndim Tensor.shape Tensor.size Tensor.dtype Tensor.device Tensor.layout Tensor.get_device
    Tensor.real Tensor.imag Tensor.conj Tensor.new_tensor Tensor.new_zeros Tensor.new_ones Tensor.new_full
    Tensor.new_empty Tensor.bernoulli Tensor.multinomial utils.data.DataLoader utils.data.TensorDataset
    utils.data.random_split utils.data.sampler.SubsetRandomSampler optim.lr_scheduler.LRScheduler
    optim.lr_scheduler.StepLR optim.lr_scheduler.ReduceLROnPlateau save load
"""
PRESENT = _TEXT.split()


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)


def found(package: Any, path: str) -> Any:
    for part in path.split("."):
        package = getattr(package, part)
    return package


@pytest.mark.parametrize("path", PRESENT)
def test_a_name_of_pytorch_is_here_under_the_same_path(path: str) -> None:
    found(tg, path)


@pytest.mark.parametrize("path", PRESENT)
def test_the_path_is_pytorchs_own(path: str) -> None:
    found(pytest.importorskip("torch", reason=WITHOUT_TORCH), path)


@pytest.mark.parametrize("line", ["import tensorgrad.backends.cudnn as cudnn", "from tensorgrad import cuda, random"])
def test_submodules_can_be_imported_by_name(line: str) -> None:
    exec(line, {})


def test_every_public_name_exists_and_is_listed_once() -> None:
    assert len(tg.__all__) == len(set(tg.__all__))
    for name in tg.__all__:
        getattr(tg, name)
    for place in PLACES:
        module = importlib.import_module(f"tensorgrad.{place}".rstrip("."))
        for name in getattr(module, "__all__", ()):
            getattr(module, name)
    assert set(dir(tg)) >= {"cuda", "backends", "nn", "optim", "zeros"}


# --- missing names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name", "answer"),
    [
        ("", "reshap", "nearest: tensorgrad.reshape"),
        ("", "Zeros", "nearest: tensorgrad.zeros"),
        ("", "cross_entropy", "nearest: tensorgrad.nn.functional.cross_entropy"),
        ("", "Linear", "nearest: tensorgrad.nn.Linear"),
        ("", "requires_grad_", "nearest: the method Tensor.requires_grad_"),
        ("", "bfloat16", "NumPy has no bfloat16"),
        ("jit", "freeze", "there is no TorchScript"),
        ("", "compiler", "runs as it is: leave it out"),
        ("nn", "Lineer", "nearest: tensorgrad.nn.Linear"),
        ("nn", "relu", "nearest: tensorgrad.relu"),
        ("nn", "SGD", "nearest: tensorgrad.optim.SGD"),
        ("nn.functional", "softmx", "nearest: tensorgrad.nn.functional.softmax"),
        ("nn.init", "xavier_norml_", "nearest: tensorgrad.nn.init.xavier_normal_"),
        ("optim", "Addam", "nearest: tensorgrad.optim.Adam"),
        ("optim", "StepLR", "nearest: tensorgrad.optim.lr_scheduler.StepLR"),
        ("random", "manual_sed", "nearest: tensorgrad.random.manual_seed"),
        ("cuda", "is_availabel", "nearest: tensorgrad.cuda.is_available"),
        ("cuda", "Event", "ask is_available()"),
        ("data", "digts", "nearest: tensorgrad.data.digits"),
        ("viz", "plot_curve", "nearest: tensorgrad.viz.plot_curves"),
        ("testing", "gradchek", "nearest: tensorgrad.testing.gradcheck"),
    ],
)
def test_a_missing_name_is_answered_with_the_nearest_or_with_what_to_do(module: str, name: str, answer: str) -> None:
    full = f"tensorgrad.{module}".rstrip(".")
    with pytest.raises(AttributeError) as caught:
        getattr(importlib.import_module(full), name)
    assert str(caught.value).startswith(f"module '{full}' has no attribute '{name}'")
    assert answer in str(caught.value)
    assert isinstance(caught.value, TensorgradError)
    assert caught.value.name == name


def test_what_is_left_to_numpy_keeps_the_graph() -> None:
    x = tg.tensor([1.0, 2.0, 4.0, 3.0], requires_grad=True)
    frames = np.fft.rfft(x.unfold(-1, 2, 1) * tg.tensor(np.hanning(3)[:-1], dtype=tg.float32))
    for y in (np.fft.fft(x), np.angle(x), np.gradient(x), np.nanquantile(x, 0.3), frames, np.fft.irfft(frames)):
        assert y.requires_grad
    assert np.frexp(x.detach())[1].tolist() == [1, 2, 3, 2]
    for told in ("fft", "angle", "gradient", "nanquantile", "stft"):
        assert "the graph" in ABSENT[told]
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in ("bartlett", "blackman", "hamming"):
        np.testing.assert_allclose(getattr(np, name)(9)[:-1], getattr(torch, f"{name}_window")(8), atol=1e-6)
    np.testing.assert_allclose(np.hanning(9)[:-1], torch.hann_window(8), atol=1e-6)
    np.testing.assert_allclose(np.kaiser(9, 12)[:-1], torch.kaiser_window(8), atol=1e-6)


def test_a_name_like_no_other_is_answered_without_a_guess() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = tg.qqqqzzzz
    assert str(caught.value) == "module 'tensorgrad' has no attribute 'qqqqzzzz'"


def test_no_absent_name_is_there() -> None:
    for path in ABSENT:
        place, _, name = path.rpartition(".")
        holder = importlib.import_module(f"tensorgrad.{place}".rstrip("."))
        assert name == "*" or not hasattr(holder, name), f"{path} is there now: take it out of ABSENT"


def test_proposals_are_few_distinct_and_there() -> None:
    for name in ("arange_", "float3", "rand_n", "log_softmx", "Adm", "isna"):
        answers = proposals("tensorgrad", name)
        assert 0 < len(answers) <= 3
        assert len(set(answers)) == len(answers)
        for answer in answers:
            found(tg, answer.removeprefix("the method ").removeprefix("tensorgrad."))


def test_asking_whether_a_name_is_there_looks_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: str, name: str) -> list[str]:
        raise AssertionError("proposals are made only for the text of an error")

    monkeypatch.setattr(unknown, "proposals", fail)
    assert not hasattr(tg, "surprise")
    assert getattr(tg.nn, "surprise", 5) == 5
    error = UnknownNameError("tensorgrad", "surprise")
    monkeypatch.undo()
    assert "surprise" in str(error)


def test_a_misspelt_method_is_answered_by_python_itself() -> None:
    # A __getattr__ on Tensor would slow down every attribute that an operation reads.
    assert not hasattr(tg.Tensor, "__getattr__")
    answer = run("import tensorgrad as tg; tg.ones(1).reshpe")
    assert "'Tensor' object has no attribute 'reshpe'. Did you mean: 'reshape'?" in answer.stderr
    assert {"to", "shape", "backward", "new_zeros"} <= set(dir(tg.ones(1)))


# --- version ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [("0.1.0", "0.2"), ("0.9.1", "0.10"), ("0.1.0", "1.8.0"), ("1.2", (1, 10)), ("1.13.1+cu117", "2.0"), ("1.0", (2,))],
)
def test_a_version_compares_by_number(a: str, b: Any) -> None:
    version = Version(a)
    assert version < b
    assert version <= b
    assert not version > b
    assert not version >= b


def test_a_version_is_a_string_and_zeros_at_its_end_do_not_count() -> None:
    assert isinstance(tg.__version__, str)
    assert tg.__version__ == str(tg.__version__)
    assert {str(tg.__version__): 1}[tg.__version__] == 1
    assert tg.__version__ >= "0.1"
    assert tg.__version__ <= (0, 1, 0, 0) or tg.__version__ > "0.1"
    assert tuple(map(int, tg.__version__.split(".")[:2])) >= (0, 1)
    assert Version("1.0") >= "1.0.0"
    assert Version("1.0") <= "1.0.0"
    with pytest.raises(ValueError, match="a version starts with a number"):
        _ = Version("1.0") < "new"


# --- cost of importing ------------------------------------------------------------------------------------------------


def test_importing_loads_nothing_that_only_an_error_a_drawing_or_a_number_needs() -> None:
    before, loaded = (
        set(run(f"import sys, {name}; print(*sys.modules)").stdout.split()) for name in ("numpy", "tensorgrad")
    )
    new = loaded - before
    assert "tensorgrad.tensor" in new
    assert not new & {"difflib", "numpy.random", "threadpoolctl", "json", "ctypes"}
    assert not {name for name in new if name.startswith(("tensorgrad.cuda", "tensorgrad.backends", "tensorgrad.nn"))}
