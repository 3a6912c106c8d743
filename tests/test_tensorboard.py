"""Event files for TensorBoard, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.utils.tensorboard import SummaryWriter

WITHOUT = "tensorboardX is not installed: what it writes cannot be tested"


def events(folder: Path) -> list[Any]:
    """Every event in the files of `folder`: a record is a length, its checksum, the event and a checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in sorted(folder.rglob("*tfevents*")):
        content = file.read_bytes()
        while content:
            length = int.from_bytes(content[:8], "little")
            found.append(Event.FromString(content[12 : 12 + length]))
            content = content[12 + length + 4 :]
    return found


def test_scalars_and_histograms_of_tensors_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason=WITHOUT)
    with SummaryWriter(tmp_path / "run") as writer:
        for step in range(3):
            writer.add_scalar("loss", tg.tensor(float(step), requires_grad=True), step)
        writer.add_scalars("both", {"train": tg.tensor(1.5), "test": 2.5}, 0)
        writer.add_histogram("w", tg.ones(4, 3), 1)
        writer.flush()
    assert Path(writer.log_dir) == tmp_path / "run"
    values = [(v, e.step) for e in events(tmp_path) for v in e.summary.value]
    assert [(v.simple_value, step) for v, step in values if v.tag == "loss"] == [(0.0, 0), (1.0, 1), (2.0, 2)]
    assert sorted(v.simple_value for v, _ in values if v.tag.startswith("both")) == [1.5, 2.5]
    (histogram,) = [v.histo for v, _ in values if v.tag == "w"]
    assert (histogram.num, histogram.sum) == (12, 12)


def test_a_graph_is_nested_as_its_modules_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboardX", reason=WITHOUT)
    from tensorboardX.proto.graph_pb2 import GraphDef

    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 1)))
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_graph(net, tg.ones(5, 2), verbose=True)
    assert "relu" in capsys.readouterr().out
    (definition,) = [GraphDef.FromString(e.graph_def) for e in events(tmp_path) if e.graph_def]
    nodes = {node.name: node for node in definition.node}
    assert len(nodes) == len(definition.node)
    assert all(source in nodes for node in definition.node for source in node.input)
    (last,) = [node for node in definition.node if node.name.startswith("2/0/")]
    assert [d.size for d in last.attr["_output_shapes"].list.shape[0].dim] == [5, 1]
    assert last.input[0].startswith("1/relu")
