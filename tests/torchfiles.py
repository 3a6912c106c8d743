"""What PyTorch writes: models, views, every dtype, checkpoints; as objects by name, and as the bytes of files."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from tests.packing import WITHOUT_TORCH


def peer() -> Any:
    return pytest.importorskip("torch", reason=WITHOUT_TORCH)


def models() -> dict[str, Any]:
    """Ten models of PyTorch's."""
    nn = peer().nn
    return {
        "linear": nn.Linear(3, 2),
        "without_bias": nn.Linear(3, 2, bias=False),
        "mlp": nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)),
        "batchnorm": nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)),
        "conv": nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.BatchNorm2d(2)),
        "lstm": nn.LSTM(3, 4, num_layers=2, bidirectional=True),
        "gru": nn.GRU(3, 4),
        "transformer": nn.TransformerEncoderLayer(4, 2, dim_feedforward=8),
        "embedding": nn.Embedding(5, 3, padding_idx=0),
        "double": nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)).double(),
    }


def values() -> dict[str, Any]:
    """Other things that scripts save."""
    torch = peer()
    x = torch.arange(12.0).view(3, 4)
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 4])
    names = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
    names += ["complex64", "complex128", "uint16", "uint32", "uint64"]
    return {
        "dtypes": {name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in names},
        "views": [x, x.T, x[1:, ::2], x[:, 3], x[:, :0], x[2, 1], x.detach()],
        "expanded": torch.ones(3, 1).expand(3, 4),
        "windows": torch.arange(6.0).unfold(0, 3, 1),
        "channels_last": torch.arange(24.0).view(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "empty": [torch.zeros(0), torch.zeros(2, 0, 3), torch.tensor(2.5)],
        "gradient": [torch.ones(2, requires_grad=True), torch.nn.Parameter(torch.ones(2), False), net.weight],
        "checkpoint": {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "loss": 0.25},
        "schedule": [schedule.state_dict(), bytearray(range(256)) * 99, b"", bytearray()],
        "numpy": [np.dtype(np.int16), *(np.ones(2, name)[0] for name in names)],
        "plain": {
            (0, ("a", (1.5, None))): 1, ((), ()): 2,
            "size": torch.Size([2, 3]), "dtype": torch.float16, "bytes": b"a\xff", "none": None, "large": 2**70,
            "ordered": OrderedDict(a=1), "set": {1, "a"}, "complex": 1 - 2j, "texts": ["a\n", "é", "\U0001f600"],
            7: (True, False, -1, 300, 70000, 2.5, float("inf")),
        },
    }  # fmt: skip


def content(value: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    peer().save(value, file, **options)
    return file.getvalue()


def written() -> list[bytes]:
    """Files of all of them."""
    states = [model.state_dict() for model in models().values()]
    return [content(value) for value in (*states, *values().values())]
