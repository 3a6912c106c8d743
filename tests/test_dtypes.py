"""Dtypes, devices, shapes as objects, conversions, questions about memory, beside PyTorch's where it is installed."""

from __future__ import annotations

import copy
import itertools
import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import DeviceError, DTypeError

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]
TYPES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
    "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
}  # fmt: skip


def torch_() -> Any:
    return pytest.importorskip("torch", reason=WITHOUT_TORCH)


@pytest.fixture
def default_dtype():
    yield
    tg.set_default_dtype(tg.float32)


# --- dtypes -----------------------------------------------------------------------------------------------------------


def test_every_dtype_has_pytorchs_names() -> None:
    assert (tg.half, tg.float, tg.double) == (tg.float16, tg.float32, tg.float64)
    assert (tg.short, tg.int, tg.long) == (tg.int16, tg.int32, tg.int64)
    assert (tg.cfloat, tg.cdouble) == (tg.complex64, tg.complex128)
    for name in NAMES:
        assert getattr(tg, name) == np.dtype(name)
        assert tg.zeros(1, dtype=getattr(tg, name)).dtype == tg.zeros(1, dtype=f"torch.{name}").dtype == np.dtype(name)


def test_bfloat16_is_refused_with_what_to_use() -> None:
    assert not hasattr(tg, "bfloat16")
    with pytest.raises(AttributeError, match=r"NumPy has no bfloat16: use float32"):
        _ = tg.bfloat16
    with pytest.raises(DTypeError, match="NumPy has no bfloat16"):
        tg.ones(1, dtype="bfloat16")


def test_bfloat16_is_refused_also_where_another_library_has_taught_it_to_numpy() -> None:
    taught = pytest.importorskip("ml_dtypes", reason="ml_dtypes, which onnx needs, is not installed")
    for dtype in ("bfloat16", taught.bfloat16):
        with pytest.raises(DTypeError, match="NumPy has no bfloat16"):
            tg.ones(1, dtype=dtype)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(NAMES, NAMES)))
def test_dtypes_meet_and_cast_as_pytorchs_do(a: str, b: str) -> None:
    torch = torch_()
    wanted = torch.promote_types(getattr(torch, a), getattr(torch, b))
    assert f"torch.{tg.promote_types(getattr(tg, a), getattr(tg, b))}" == str(wanted)
    assert tg.can_cast(getattr(tg, a), getattr(tg, b)) is torch.can_cast(getattr(torch, a), getattr(torch, b))
    operands = [(t.ones(2, dtype=getattr(t, a)), t.ones((), dtype=getattr(t, b))) for t in (tg, torch)]
    met = str(torch.result_type(*operands[1])).replace("complex32", "complex64")  # NumPy has no complex32
    assert f"torch.{tg.result_type(*operands[0])}" == met


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("int8", "uint8", "int16"),
        ("int64", "float16", "float16"),
        ("float16", "float32", "float32"),
        ("complex64", "float64", "complex128"),
        ("bool", "bool", "bool"),
    ],
)
def test_dtypes_meet_without_pytorch(a: str, b: str, wanted: str) -> None:
    assert tg.promote_types(a, b) == tg.promote_types(b, a) == np.dtype(wanted)
    assert tg.result_type(tg.ones(1, dtype=a), tg.ones(1, dtype=b)) == np.dtype(wanted)
    assert tg.result_type(tg.ones(1, dtype=tg.int8), 2.5) == tg.result_type(1, 2.0) == tg.float32
    assert (tg.can_cast(tg.float64, tg.float32), tg.can_cast(tg.float32, tg.int64)) == (True, False)


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "complex64"])
def test_finfo_has_pytorchs_numbers(name: str) -> None:
    torch = torch_()
    ours, theirs = tg.finfo(getattr(tg, name)), torch.finfo(getattr(torch, name))
    for number in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        assert getattr(ours, number) == pytest.approx(getattr(theirs, number), rel=1e-7), number
    assert ours.dtype == theirs.dtype
    if name == "float32":
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo_has_pytorchs_numbers(name: str) -> None:
    torch = torch_()
    ours, theirs = tg.iinfo(getattr(tg, name)), torch.iinfo(getattr(torch, name))
    assert (ours.bits, ours.min, ours.max, ours.dtype) == (theirs.bits, theirs.min, theirs.max, theirs.dtype)
    if name == "int8":
        assert repr(ours) == repr(theirs)


def test_the_limits_hold_without_pytorch_and_refuse_the_wrong_kind() -> None:
    assert tg.finfo(tg.float32).eps == 2**-23
    assert tg.finfo(tg.float64).max == sys.float_info.max
    assert (tg.iinfo(tg.int8).min, tg.iinfo(tg.uint8).max) == (-128, 255)
    assert tg.finfo().dtype == "float32"
    with pytest.raises(DTypeError, match="requires a floating point input type"):
        tg.finfo(tg.int64)
    with pytest.raises(DTypeError, match="requires an integer input type"):
        tg.iinfo(tg.float32)


def test_the_default_dtype_is_that_of_python_floats_everywhere(default_dtype: None) -> None:
    for change in (
        lambda: tg.set_default_dtype(tg.float64),
        lambda: tg.set_default_tensor_type("torch.DoubleTensor"),
        lambda: tg.set_default_tensor_type(tg.DoubleTensor),
    ):
        tg.set_default_dtype(tg.float32)
        change()
        assert tg.get_default_dtype() == tg.float64
        for x in (tg.tensor(1.0), tg.zeros(1), tg.rand(1), tg.linspace(0, 1, 2), tg.Tensor([1]), tg.arange(1.5)):
            assert x.dtype == tg.float64
        assert tg.tensor(1j).dtype == tg.complex128
        assert repr(tg.ones(1)) == "tensor([1.])"
        assert repr(tg.ones(1).float()) == "tensor([1.], dtype=float32)"
    with pytest.raises(TypeError, match="only floating-point types are supported"):
        tg.set_default_dtype(tg.int64)


def test_questions_about_the_kind_of_tensor() -> None:
    x, n, c = tg.ones(1), tg.arange(1), tg.ones(1, dtype=tg.cfloat)
    assert (
        [tg.is_floating_point(t) for t in (x, n, c)]
        == [t.is_floating_point() for t in (x, n, c)]
        == [True, False, False]
    )
    assert [tg.is_complex(t) for t in (x, n, c)] == [t.is_complex() for t in (x, n, c)] == [False, False, True]
    assert (tg.is_tensor(x), tg.is_tensor(x.numpy()), tg.is_tensor(tg.nn.Parameter(x))) == (True, False, True)
    assert (tg.is_nonzero(x), tg.is_nonzero(n)) == (True, False)
    with pytest.raises(TypeError, match="must be Tensor, not float"):
        tg.is_floating_point(1.0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"):
        tg.is_nonzero(tg.ones(2))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with no values is ambiguous"):
        bool(tg.ones(0))


@pytest.mark.parametrize(("name", "dtype"), list(TYPES.items()))
def test_tensor_types_make_convert_and_recognise_tensors(name: str, dtype: str) -> None:
    kind = getattr(tg, name)
    x = kind([1, 0])
    assert (type(x), x.dtype, x.tolist()) == (tg.Tensor, np.dtype(dtype), [1, 0])
    assert isinstance(x, kind)
    assert not any(isinstance(x, getattr(tg, other)) for other in TYPES if other != name)
    assert not isinstance(x.numpy(), kind)
    assert x.type() == tg.typename(x) == f"tensorgrad.{name}"
    for wanted in (kind, f"torch.{name}", f"tensorgrad.{name}", np.dtype(dtype)):
        assert tg.tensor([1, 0], dtype=tg.uint16).type(wanted).dtype == np.dtype(dtype)
    assert kind(2, 3).shape == (2, 3)


def test_a_type_that_there_is_not_is_named() -> None:
    for name in ("torch.FooTensor", "FloatTensor", "numpy.FloatTensor"):
        with pytest.raises(TypeError, match=f"invalid type: '{name}'"):
            tg.ones(1).type(name)
    assert tg.typename([]) == "list"
    assert tg.typename(tg.nn.Linear(1, 1)).endswith("nn.layers.linear.Linear")


# --- devices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.device("cpu"),
        lambda t: t.device("cuda"),
        lambda t: t.device("cuda:1"),
        lambda t: t.device("cuda", 1),
        lambda t: t.device(type="cpu", index=0),
        lambda t: t.device(t.device("mps")),
        lambda t: t.zeros(1, device="cpu:0").device,
        lambda t: t.ones(1).device,
        lambda t: t.get_default_device(),
        lambda t: t.Generator().device,
    ],
)
def test_a_device_has_pytorchs_text_and_parts(make: Callable[[Any], Any]) -> None:
    torch = torch_()
    ours, theirs = make(tg), make(torch)
    assert (repr(ours), str(ours), ours.type, ours.index) == (repr(theirs), str(theirs), theirs.type, theirs.index)


def test_devices_are_compared_hashed_and_passed_around() -> None:
    cpu, gpu = tg.device("cpu"), tg.device("cuda", 0)
    assert (repr(cpu), repr(gpu), str(gpu)) == ("device(type='cpu')", "device(type='cuda', index=0)", "cuda:0")
    assert cpu == tg.ones(1).device != gpu
    assert gpu == tg.device("cuda:0") != tg.device("cuda")
    assert {cpu: 1}[tg.device("cpu")] == 1
    assert cpu != "cpu"
    x = tg.ones(2, device=cpu)
    assert x.to(cpu) is x.to("cpu") is x.to(device=cpu) is x.cpu() is x
    assert x.to(cpu, tg.float64).dtype == tg.float64
    with cpu as entered:
        assert tg.ones(1).device == entered
    tg.set_default_device("cpu")
    tg.set_default_device(None)
    assert tg.get_default_device() == cpu


@pytest.mark.parametrize("place", ["cuda", "cuda:1", "mps", "xpu", tg.device("cuda"), tg.device("meta")])
@pytest.mark.parametrize(
    "use",
    [
        lambda place: tg.ones(1).to(place),
        lambda place: tg.ones(1).to(device=place),
        lambda place: tg.ones(1).to(place, tg.float64),
        lambda place: tg.tensor([1.0], device=place),
        lambda place: tg.as_tensor([1.0], device=place),
        lambda place: tg.asarray([1.0], device=place),
        lambda place: tg.rand(1, device=place),
        lambda place: tg.zeros_like(tg.ones(1), device=place),
        lambda place: tg.ones(1).new_zeros(1, device=place),
        lambda place: tg.set_default_device(place),
        lambda place: tg.nn.Linear(1, 1).to(place),
        lambda place: tg.Generator(device=place),
        lambda place: tg.device(place).__enter__(),
        lambda place: tg.random.fork_rng([place]).__enter__(),
    ],
)
def test_another_device_is_refused_where_a_tensor_would_have_to_be_there(place: Any, use: Any) -> None:
    with pytest.raises(DeviceError, match=r"enabled: there is no device .*CPU only; say device='cpu' or nothing"):
        use(place)


def test_a_device_that_has_no_name_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"Expected one of cpu, cuda, .* device type at start of device string: foo"):
        tg.device("foo")
    with pytest.raises(RuntimeError, match="Invalid device string: 'cpu:x'"):
        tg.device("cpu:x")
    with pytest.raises(RuntimeError, match="Invalid device string: 'cpu:0'"):
        tg.device("cpu:0", 0)
    with pytest.raises(RuntimeError, match="must be str, not 0"):
        tg.device(0)
    with pytest.raises(RuntimeError, match="at start of device string: foo"):
        tg.ones(1).to("foo")


def test_what_scripts_ask_about_accelerators_is_answered() -> None:
    device = tg.device("cuda" if tg.cuda.is_available() else "mps" if tg.backends.mps.is_available() else "cpu")
    assert device == tg.device("cpu")
    for library in (tg.cuda, tg.mps, tg.xpu):
        assert (library.is_available(), library.device_count()) == (False, 0)
        library.manual_seed(1)
        library.empty_cache()
    tg.cuda.manual_seed_all(1)
    assert not tg.cuda.is_initialized()
    assert (tg.accelerator.is_available(), tg.accelerator.current_accelerator()) == (False, None)
    assert tg.accelerator.device_count() == 0
    for ask in (tg.cuda.current_device, tg.cuda.get_device_name, tg.cuda.synchronize, tg.ones(1).cuda):
        with pytest.raises(DeviceError, match="not compiled with CUDA enabled"):
            ask()


def test_seeding_a_device_leaves_the_stream_alone() -> None:
    before = tg.get_rng_state().tolist()
    tg.cuda.manual_seed_all(3)
    assert tg.get_rng_state().tolist() == before


def test_switches_of_libraries_can_be_set() -> None:
    cudnn = tg.backends.cudnn
    assert (cudnn.deterministic, cudnn.benchmark, cudnn.is_available(), cudnn.version()) == (False, False, False, None)
    cudnn.deterministic, cudnn.benchmark = True, False
    assert cudnn.deterministic
    cudnn.deterministic = False
    tg.backends.cuda.matmul.allow_tf32 = True
    tg.backends.cuda.matmul.allow_tf32 = False
    assert (tg.backends.cuda.is_built(), tg.backends.mps.is_built()) == (False, False)


def test_settings_are_remembered_and_checked() -> None:
    tg.use_deterministic_algorithms(True, warn_only=True)
    assert tg.are_deterministic_algorithms_enabled()
    assert tg.is_deterministic_algorithms_warn_only_enabled()
    tg.use_deterministic_algorithms(False)
    assert not tg.are_deterministic_algorithms_enabled()
    assert not tg.is_deterministic_algorithms_warn_only_enabled()
    tg.set_float32_matmul_precision("high")
    assert tg.get_float32_matmul_precision() == "high"
    tg.set_float32_matmul_precision("highest")
    with pytest.raises(ValueError, match="precision must be"):
        tg.set_float32_matmul_precision("low")


def test_threads_are_limited_where_threadpoolctl_is_there() -> None:
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed: NumPy's threads cannot be limited")
    before = tg.get_num_threads()
    try:
        tg.set_num_threads(1)
        assert tg.get_num_threads() == 1
    finally:
        tg.set_num_threads(before)
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer, found 0"):
        tg.set_num_threads(0)


def test_threads_without_threadpoolctl_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert tg.get_num_threads() == 3
    tg.set_num_threads(3)
    with pytest.warns(UserWarning, match="OMP_NUM_THREADS=2"):
        tg.set_num_threads(2)


# --- Size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda t: operator.add(t.Size([1, 2]), (3,)),
        lambda t: operator.add((3,), t.Size([1, 2])),
        lambda t: t.Size([1, 2]) * 2,
        lambda t: 2 * t.Size([1, 2]),
        lambda t: t.Size([1, 2, 3])[1:],
        lambda t: t.Size([1, 2, 3])[::-1],
        lambda t: t.Size([1, 2, 3])[-1],
        lambda t: t.Size([1, 2]).numel(),
        lambda t: t.Size([]).numel(),
        lambda t: t.Size(),
        lambda t: t.Size(np.array([1, 2])),
        lambda t: t.ones(2, 3).shape,
        lambda t: t.ones(2, 3).size(),
        lambda t: t.ones(2, 3).shape[:-1],
        lambda t: t.ones(2, 3).size(-1),
        lambda t: t.ones(2, 3).size(dim=0),
        lambda t: t.Size([1, 2]) == (1, 2),
        lambda t: t.Size([1, 2]).count(1),
        lambda t: operator.add(t.Size([1, 2]), [3]),
        lambda t: t.Size([1.5]),
    ],
)
def test_a_size_behaves_as_pytorchs(make: Callable[[Any], Any]) -> None:
    torch = torch_()
    try:
        theirs = make(torch)
    except TypeError:
        with pytest.raises(TypeError):
            make(tg)
    else:
        assert repr(make(tg)) == repr(theirs).replace("torch", "tensorgrad")


def test_a_size_is_a_tuple_that_stays_a_size() -> None:
    size = tg.zeros(2, 3).shape
    assert size == (2, 3)
    assert isinstance(size, tuple)
    assert hash(size) == hash((2, 3))
    for made in (
        size[1:],
        operator.add(size, (1,)),
        operator.add((1,), size),
        size * 2,
        tg.zeros(1).size(),
        copy.copy(size),
    ):
        assert type(made) is tg.Size
    assert (repr(size), f"{size}", size.numel()) == ("tensorgrad.Size([2, 3])", "tensorgrad.Size([2, 3])", 6)
    assert np.zeros(size).shape == tg.ones(size).shape == (2, 3)
    rows, columns = size
    assert (rows, columns, max(size)) == (2, 3, 3)
    with pytest.raises(TypeError, match=r"can only concatenate tuple \(not list\)"):
        operator.add(size, [1])
    with pytest.raises(TypeError, match="item 1 is 'float'"):
        tg.Size([1, 2.5])
    with pytest.raises(IndexError):
        tg.zeros(2).size(3)


# --- conversions ------------------------------------------------------------------------------------------------------

METHODS = {
    "half": "float16", "float": "float32", "double": "float64", "char": "int8", "byte": "uint8", "short": "int16",
    "int": "int32", "long": "int64", "bool": "bool", "cfloat": "complex64", "cdouble": "complex128",
}  # fmt: skip


@pytest.mark.parametrize(("method", "dtype"), list(METHODS.items()))
def test_a_method_named_after_a_dtype_converts_to_it(method: str, dtype: str) -> None:
    x = tg.tensor([1.75, 0.0])
    y = getattr(x, method)()
    assert y.dtype == np.dtype(dtype)
    assert y.tolist() == np.array([1.75, 0.0]).astype(dtype).tolist()
    assert getattr(y, method)() is y


@pytest.mark.parametrize(
    "convert",
    [
        lambda t, x: x.to(t.float64),
        lambda t, x: x.to(t.float64, True),
        lambda t, x: x.to(t.float64, True, True),
        lambda t, x: x.to(t.float64, copy=True),
        lambda t, x: x.to("cpu", t.float64),
        lambda t, x: x.to("cpu", t.float64, True, True),
        lambda t, x: x.to(t.device("cpu"), dtype=t.float64, non_blocking=True),
        lambda t, x: x.to(device="cpu", dtype=t.float64),
        lambda t, x: x.to(device=None, dtype=t.float64),
        lambda t, x: x.to(dtype=t.float64, memory_format=t.preserve_format),
        lambda t, x: x.to(t.ones(1).double()),
        lambda t, x: x.to(t.ones(1).double(), non_blocking=True),
        lambda t, x: x.type(t.float64),
        lambda t, x: x.type(t.DoubleTensor),
        lambda t, x: x.type("torch.DoubleTensor"),
        lambda t, x: x.type_as(t.ones(1).double()),
        lambda t, x: x.double(),
    ],
)
def test_every_form_of_conversion_keeps_the_gradient_in_the_dtype_of_the_leaf(convert: Any) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = convert(tg, x)
    assert (y.dtype, y.requires_grad) == (tg.float64, True)
    (y * 3).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (tg.float32, [3.0, 3.0])
    assert str(convert(torch_(), torch_().ones(2)).dtype) == "torch.float64"


def test_a_conversion_to_what_it_is_returns_the_tensor_itself_unless_a_copy_is_asked_for() -> None:
    x = tg.ones(2)
    for same in (x.to(tg.float32), x.to("cpu"), x.to(), x.to(None), x.to(x), x.float(), x.cpu(), x.type(tg.float32)):
        assert same is x
    for copied in (x.to(tg.float32, copy=True), x.to("cpu", copy=True), x.to(tg.float32, False, True)):
        assert not np.shares_memory(copied.numpy(), x.numpy())
    with pytest.raises(DTypeError, match="argument 'dtype' must be a dtype"):
        x.to(object)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.element_size(),
        lambda x: x.itemsize,
        lambda x: x.nbytes,
        lambda x: x.numel(),
        lambda x: x.nelement(),
        lambda x: x.dim(),
        lambda x: x.ndimension(),
        lambda x: x.stride(),
        lambda x: x.stride(-1),
        lambda x: x.stride(dim=0),
        lambda x: x.storage_offset(),
        lambda x: x.is_contiguous(),
        lambda x: x.contiguous().stride(),
        lambda x: x.is_leaf,
        lambda x: x.is_cuda,
        lambda x: x.get_device(),
        lambda x: x.is_floating_point(),
        lambda x: x.is_complex(),
        lambda x: len(x),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.zeros(2, 3, 4),
        lambda t: t.zeros(2, 3, 4)[1:],
        lambda t: t.zeros(2, 3, 4)[:, 1:, ::2],
        lambda t: t.zeros(2, 3).T,
        lambda t: t.zeros(3, 1).expand(3, 2),
        lambda t: t.zeros(0, 3),
        lambda t: t.zeros(5, dtype=t.float16)[2:],
        lambda t: t.arange(6).reshape(2, 3)[:, 1],
    ],
)
def test_questions_about_memory_have_pytorchs_answers(make: Any, ask: Any) -> None:
    torch = torch_()
    assert ask(make(tg)) == ask(make(torch))


def test_questions_about_memory_have_answers_without_pytorch() -> None:
    x = tg.zeros(2, 3)
    assert (x.element_size(), x.nbytes, x.stride(), x.stride(0), x[1:].storage_offset()) == (4, 24, (3, 1), 3, 3)
    assert (x.is_contiguous(), x.T.is_contiguous(), x.T.contiguous().is_contiguous()) == (True, False, True)
    assert x.contiguous() is x
    assert x.data_ptr() == x.detach().data_ptr() == x[1:].data_ptr() - 12
    assert x.layout == tg.strided
    with pytest.raises(DeviceError, match="memory_format"):
        x.contiguous(memory_format="channels_last")


def test_complex_tensors_have_parts_and_others_have_only_a_real_one() -> None:
    z = tg.tensor([1 + 2j, 3 - 4j])
    assert (z.real.tolist(), z.imag.tolist(), z.conj().tolist()) == ([1.0, 3.0], [2.0, -4.0], [1 - 2j, 3 + 4j])
    assert (z.real.dtype, complex(z[0])) == (tg.float32, 1 + 2j)
    assert np.shares_memory(z.real.numpy(), z.numpy())
    x = tg.ones(2)
    assert x.real is x.conj() is x
    with pytest.raises(RuntimeError, match="imag is not implemented for tensors with non-complex dtypes"):
        _ = x.imag
    assert tg.ones(1, dtype=tg.cfloat, requires_grad=True).real.requires_grad


# --- Python's protocols -----------------------------------------------------------------------------------------------


def test_numbers_come_out_of_tensors_of_one_element() -> None:
    x = tg.tensor([[2]])
    assert (int(x), float(x), complex(x), bool(x), [0, 1, 2][x]) == (2, 2.0, 2 + 0j, True, 2)
    assert [0, 1][tg.tensor(True)] == 1
    for convert in (int, float, complex):
        with pytest.raises(RuntimeError, match="a Tensor with 2 elements cannot be converted to Scalar"):
            convert(tg.ones(2))


def test_membership_is_of_numbers_and_tensors() -> None:
    x = tg.tensor([1, 2])
    assert (2 in x, 3 in x, tg.tensor(2) in x, np.int64(1) in x) == (True, False, True, True)
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar"):
        "a" in x  # noqa: B015 - the question is refused


def test_formatting_a_tensor_without_axes_formats_its_number() -> None:
    assert f"{tg.tensor(1.5)} {tg.tensor(1.567):.2f} {tg.tensor(7):>3}" == "1.5 1.57   7"
    assert f"{tg.tensor([1.5])}" == "tensor([1.5000])"
    with pytest.raises(TypeError, match=r"unsupported format string passed to Tensor\.__format__"):
        f"{tg.tensor([1.5]):.2f}"


def test_a_shallow_copy_is_a_leaf_on_the_same_memory() -> None:
    x = tg.ones(2, requires_grad=True)
    for y in (copy.copy(x), copy.copy(x * 1)):
        assert (y.requires_grad, y.is_leaf, y.grad) == (True, True, None)
    assert np.shares_memory(copy.copy(x).detach().numpy(), x.detach().numpy())
    assert type(copy.copy(tg.nn.Parameter(x))) is tg.nn.Parameter


def test_an_array_on_the_left_never_makes_an_array_of_objects() -> None:
    x = tg.ones(2, requires_grad=True)
    for y in (np.ones(2, np.float32) * x, np.float64(2.0) * x, np.ones(()) + x, np.arange(2) - x):
        assert type(y) is tg.Tensor
        assert y.requires_grad


def test_variable_is_a_leaf_on_the_memory_of_its_tensor() -> None:
    x = tg.ones(2)
    v = tg.autograd.Variable(x, requires_grad=True)
    assert (v.requires_grad, v.is_leaf, x.requires_grad) == (True, True, False)
    assert np.shares_memory(v.detach().numpy(), x.numpy())
    assert not tg.autograd.Variable(v * 2).requires_grad
