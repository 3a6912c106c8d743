"""What others draw of networks of the gallery: `python -m tests.gallery_peers` writes docs/gallery/*-{peer}.png.

Each draws by itself, as it comes: torchviz and torchview by Graphviz's `dot`, netron in chromium, from an ONNX file
(its 〈 〉 need a font that has them). What is not installed is skipped, with the reason; nothing is compared byte for
byte, as other versions draw otherwise. What `SAID` tells of a picture is seen on it.
"""

from __future__ import annotations

import base64
import importlib
import io
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.browser import browsing
from tests.waiting import CEILING

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "gallery"


SAID = {
    "figure-6-17": {
        "torchviz": "The layer is one node of PyTorch's backward pass; what it reads has names and shapes. "
        "Mean, variance and all that follows are not there, and no gradient has a name or a "
        "number.",
        "torchview": "The layer is one box with the shapes in and out. Its parameters are not there, nor what "
        "it computes, nor a gradient.",
        "netron": "The layer is one operation of ONNX; its four parameters have shapes. What it computes is "
        "not there, nor a gradient.",
    },
    "values": {
        "torchviz": "The three operations, by the names of their derivatives, and that `a` is used twice. "
        "There is no number, and no gradient on an arrow.",
        "torchview": "A module with none in it is one box. The operations are not there, nor a name of an "
        "input, nor a number.",
        "netron": "The three operations, and the names of what goes in and comes out. There is no number "
        "and no gradient.",
    },
    "network-folded": {
        "torchviz": "Every operation by the name of its derivative, every parameter with name and shape. "
        "Layers are not there, nor the input, which needs no gradient; Dropout is `MulBackward0`.",
        "torchview": "Layers and functions in their order, with the shapes in and out. Their names (fc1, bn1) "
        "are not there, nor their parameters, nor a gradient.",
        "netron": "The operations of ONNX, their parameters with shapes. Names of layers are not there, nor "
        "shapes between them, nor a gradient; the weights of the layers without bias stand apart.",
    },
    "blocks": {
        "torchviz": "All fifty nodes, one by one. Blocks are not there, and that five are alike is not told.",
        "torchview": "A frame around each of the five blocks, in it the layers with the shapes in and out. "
        "That the five are alike is not told; no parameters, no gradient.",
        "netron": "Seven `Gemm` and five `Tanh` in a row, parameters with shapes. Blocks are not there, nor "
        "a gradient.",
    },
    "not-a-number": {
        "torchviz": "The operations by the names of their derivatives. Nothing tells that a number is not "
        "finite.",
        "torchview": "One box with the shapes in and out. Nothing tells that a number is not finite.",
        "netron": "The operations with their constants. Nothing tells that a number is not finite.",
    },
}  # fmt: skip


class MissingError(Exception):
    """A peer, or what it draws with, is not installed."""


def needed(*modules: str, program: str = "dot") -> list[Any]:
    """Return modules, or raise what says which of them is missing.

    Raises:
        MissingError: a module is not installed, or the program.
    """
    if shutil.which(program) is None:
        raise MissingError(f"no {program} here")
    try:
        return [importlib.import_module(module) for module in modules]
    except ImportError as error:
        raise MissingError(str(error)) from error


def subjects() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Return networks of `tests.gallery` in PyTorch, each with its inputs, by the names of their pictures."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.bn1 = nn.Linear(64, 100, bias=False), nn.BatchNorm1d(100)
            self.fc2, self.bn2, self.drop = nn.Linear(100, 100, bias=False), nn.BatchNorm1d(100), nn.Dropout(0.5)
            self.fc3 = nn.Linear(100, 10)

        def forward(self, x: Any) -> Any:
            x = self.bn1(self.fc1(x)).relu()
            return self.fc3(self.drop(self.bn2(self.fc2(x)).relu()))

    class Expression(nn.Module):
        def forward(self, a: Any, b: Any, c: Any) -> Any:
            return (a * b + c) * a

    class Logarithm(nn.Module):
        def forward(self, x: Any) -> Any:
            return ((x - 1).log() ** 2).mean()

    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(5)]
    a, b, c = (torch.tensor(value, requires_grad=True) for value in (2.0, -3.0, 10.0))
    return {
        "figure-6-17": (nn.BatchNorm1d(3), (torch.randn(7, 3, requires_grad=True),)),
        "values": (Expression(), (a, b, c)),
        "network-folded": (Net(), (torch.randn(32, 64),)),
        "blocks": (
            nn.Sequential(nn.Linear(4, 8), *blocks, nn.Linear(8, 2)),
            (torch.randn(3, 4, requires_grad=True),),
        ),
        "not-a-number": (Logarithm(), (torch.tensor([0.5, 2.0, 3.0], requires_grad=True),)),
    }


def named(inputs: Sequence[Any]) -> dict[str, Any]:
    """Return the inputs by their names in `tests.gallery`."""
    return dict(zip("abc" if len(inputs) > 1 else "x", inputs, strict=False))


def torchviz(net: Any, inputs: Sequence[Any]) -> Any:
    """Return torchviz's graph, in which parameters and inputs have their names."""
    (peer,) = needed("torchviz")
    return peer.make_dot(net(*inputs), params={**dict(net.named_parameters()), **named(inputs)})


def torchview(net: Any, inputs: Sequence[Any]) -> Any:
    """Return torchview's graph, with its frames around nested modules."""
    (peer,) = needed("torchview")
    return peer.draw_graph(net, input_data=inputs, expand_nested=True, device="cpu", mode="train").visual_graph


def rendered(graph: Any) -> bytes:
    """Return a graph as Graphviz draws it."""
    graph.graph_attr.update(dpi="96")
    return bytes(graph.pipe(format="png"))


def netron(net: Any, inputs: Sequence[Any]) -> bytes:
    """Return what netron exports of the network's ONNX file."""
    peer, _, torch = needed("netron", "onnx", "torch", program="chromium")
    options = {"dynamo": False, "training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.onnx")
        torch.onnx.export(net, tuple(inputs), path, input_names=[*named(inputs)], output_names=["out"], **options)
        host, port = peer.start(str(path), address=("127.0.0.1", 0), browse=False)
        try:
            return _exported(f"http://{host}:{port}/")
        finally:
            peer.stop((host, port))


def _exported(address: str) -> bytes:
    """Return the PNG that netron's page at `address` exports, which asks nothing of any other place."""
    with browsing() as browser:
        browser.cdp("Network.enable")
        browser.cdp("Network.setBlockedURLs", urls=["https://*"])
        browser.cdp("Network.setCookie", name="consent", value="1", url=address)
        browser.cdp("Page.navigate", url=address)
        browser.wait("return document.body?.classList.contains('default')", seconds=CEILING)
        time.sleep(1)  # the picture is laid out in a worker
        exported = browser.run_async("""const done = arguments[0], view = window.__view__;
            view.host.export = (_, blob) => {
                const r = new FileReader(); r.onload = () => done(r.result); r.readAsDataURL(blob)
            };
            view.export('net.png')""")
    return base64.b64decode(re.sub("^[^,]*,", "", exported))


def small(picture: bytes) -> bytes:
    """Return a PNG in a few colours, which is what these are drawn in."""
    (images,) = needed("PIL.Image")
    written = io.BytesIO()
    images.open(io.BytesIO(picture)).convert("RGB").quantize(32).save(written, "png", optimize=True)
    return written.getvalue()


PEERS: dict[str, Callable[[Any, Sequence[Any]], bytes]] = {
    "torchviz": lambda net, inputs: rendered(torchviz(net, inputs)),
    "torchview": lambda net, inputs: rendered(torchview(net, inputs)),
    "netron": netron,
}


def beside(subject: str) -> str:
    """Return the part of the page that stands below a picture: those of the peers, with what is seen on them."""
    drawn = {name: said for name, said in SAID.get(subject, {}).items() if (FOLDER / f"{subject}-{name}.png").exists()}
    if not drawn:
        return ""
    rows = [list(drawn), ["---"] * len(drawn), [f"![by {name}](gallery/{subject}-{name}.png)" for name in drawn]]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (*rows, drawn.values()))
    return f"\n\nBeside it, the same by others:\n\n{table}"


def main() -> None:
    """Write the pictures of those peers that are installed."""
    try:
        needed("torch")
    except MissingError as error:
        sys.exit(f"nothing is drawn: {error}")
    for subject, (net, inputs) in subjects().items():
        for name, draw in PEERS.items():
            try:
                (FOLDER / f"{subject}-{name}.png").write_bytes(small(draw(net.train(), inputs)))
            except MissingError as error:
                print(f"{name} does not draw {subject}: {error}")


if __name__ == "__main__":
    main()
