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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorgrad.reference.operations import anchor
from tests.browser import browsing
from tests.gallery_networks import Network, networks
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
    "dropout": {
        "torchviz": "One node, the derivative of a product. The mask, which is its other factor, is not there, nor a "
        "name of a gradient.",
        "torchview": "The layer is one box with the shapes in and out. The mask is not there, nor a gradient.",
        "netron": "The layer is one operation of ONNX, with the share that it drops. The mask is not there, nor a "
        "gradient.",
    },
    "network-folded": {
        "torchviz": "Every operation by the name of its derivative, every parameter with name and shape. "
        "Layers are not there, nor the input, which needs no gradient; Dropout is `MulBackward0`.",
        "torchview": "Layers and functions in their order, with the shapes in and out. Their names (fc1, bn1) "
        "are not there, nor their parameters, nor a gradient.",
        "netron": "The operations of ONNX, their parameters with shapes. Names of layers are not there, nor "
        "shapes between them, nor a gradient; the weights of the layers without bias stand apart.",
    },
    "functions": {
        "torchviz": "`gelu` is one node, `GeluBackward0`, and `cross_entropy` two: `LogSoftmaxBackward0` and "
        "`NllLossBackward0`. Parameters have names and shapes. Layers are not there, nor the input and the labels, "
        "which need no gradient.",
        "torchview": "One box for each layer and each function, with the shapes in and out, and the labels. Names of "
        "layers and inputs are not there, nor parameters, nor a gradient.",
        "netron": "One operation of ONNX for each layer and each function, inputs with names, parameters with "
        "shapes. Names of layers are not there, nor a gradient.",
    },
    "decided": {
        "torchviz": "A division and a sum. Neither the number is there nor where it comes from, and nothing tells that "
        "Python read one.",
        "torchview": "One box with the shapes in and out. Nothing tells that Python read a number.",
        "netron": "A division and a sum, with the number by which it divides. It stands there as a constant: where it "
        "comes from is not there, nor that Python read it.",
    },
    "blocks": {
        "torchviz": "All fifty nodes, one by one. Blocks are not there, and that five are alike is not told.",
        "torchview": "A frame around each of the five blocks, in it the layers with the shapes in and out. "
        "That the five are alike is not told; no parameters, no gradient.",
        "netron": "Seven `Gemm` and five `Tanh` in a row, parameters with shapes. Blocks are not there, nor "
        "a gradient.",
    },
    "backward": {
        "torchviz": "The derivative of each operation by its name, with the arrows of the forward pass, and inputs "
        "with names and shapes. What a derivative computes is not there, nor what it reads of the forward pass, nor "
        "the names mu, xmu, var and xhat.",
        "netron": "The forward pass alone, with its exponent and the shapes of the inputs: the ONNX file that "
        "PyTorch writes of this function holds no backward pass. No gradient is there, nor the names mu, xmu, var "
        "and xhat.",
    },
    "double-backward": {
        "torchviz": "Of the gradient that `torch.autograd.grad` makes with `create_graph=True`: its operations by the "
        "names of their derivatives. What these compute is not there, nor the factor and the exponent of 3x².",
        "netron": "The same gradient, as the function that is exported computes it: at the right 3x² with factor and "
        "exponent, at the left how `dout` gets the shape of x. The second derivative is not there, nor what belongs to "
        "which pass.",
    },
    "not-a-number": {
        "torchviz": "The operations by the names of their derivatives. Nothing tells that a number is not "
        "finite.",
        "torchview": "One box with the shapes in and out. Nothing tells that a number is not finite.",
        "netron": "The operations with their constants. Nothing tells that a number is not finite.",
    },
}  # fmt: skip
SAME = {  # pictures of a network of which the peers' stand beside another picture
    "figure-6-17-book": "figure-6-17",
    "formulas": "figure-6-17",
    "variables": "backward",
    "network-one-open": "network-folded",
    "network-open": "network-folded",
    "functions-unfolded": "functions",
}


class MissingError(Exception):
    """A peer, or what it draws with, is not installed."""


def needed(*modules: str, program: str = "") -> list[Any]:
    """Return modules, or raise what says which of them is missing, or the program if there is to be one.

    Raises:
        MissingError: a module is not installed, or the program.
    """
    if program and shutil.which(program) is None:
        raise MissingError(f"no {program} here")
    try:
        return [importlib.import_module(module) for module in modules]
    except ImportError as error:
        raise MissingError(str(error)) from error


def torchviz(network: Network) -> Any:
    """Return torchviz's graph, in which parameters and inputs have their names."""
    net, inputs = network
    (peer,) = needed("torchviz", program="dot")
    return peer.make_dot(net(*inputs.values()), params={**dict(net.named_parameters()), **inputs})


def torchview(network: Network) -> Any:
    """Return torchview's graph, with its frames around nested modules."""
    (peer,) = needed("torchview", program="dot")
    net, inputs = network
    options = {"expand_nested": True, "device": "cpu", "mode": "train"}
    return peer.draw_graph(net, input_data=[*inputs.values()], **options).visual_graph


def rendered(graph: Any) -> bytes:
    """Return a graph as Graphviz draws it."""
    graph.graph_attr.update(dpi="96")
    return bytes(graph.pipe(format="png"))


def netron(network: Network) -> bytes:
    """Return what netron exports of the network's ONNX file."""
    peer, _, torch = needed("netron", "onnx", "torch", program="chromium")
    net, inputs = network
    options = {"dynamo": False, "training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.onnx")
        torch.onnx.export(net, (*inputs.values(),), path, input_names=[*inputs], output_names=["out"], **options)
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


PEERS: dict[str, Callable[[Network], bytes]] = {
    "torchviz": lambda network: rendered(torchviz(network)),
    "torchview": lambda network: rendered(torchview(network)),
    "netron": netron,
}


def beside(subject: str, captions: Mapping[str, str]) -> str:
    """Return the part of the page that stands below a picture: those of the peers, or where they stand."""
    if subject in SAME:
        caption = captions[SAME[subject]]
        return f"\n\nWhat others make of the same network stands at [{caption.rstrip('.')}](#{anchor(caption)})."
    drawn = {name: said for name, said in SAID.get(subject, {}).items() if (FOLDER / f"{subject}-{name}.png").exists()}
    if not drawn:
        return ""
    rows = [list(drawn), ["---"] * len(drawn), [f"![by {name}](gallery/{subject}-{name}.png)" for name in drawn]]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (*rows, drawn.values()))
    return f"\n\nBeside it, the same by others:\n\n{table}"


def main() -> None:
    """Write those pictures of which something is said, of peers that are installed."""
    try:
        needed("torch")
    except MissingError as error:
        sys.exit(f"nothing is drawn: {error}")
    for subject, (net, inputs) in networks().items():
        for name in SAID[subject]:
            try:
                (FOLDER / f"{subject}-{name}.png").write_bytes(small(PEERS[name]((net.train(), inputs))))
            except MissingError as error:
                print(f"{name} does not draw {subject}: {error}")


if __name__ == "__main__":
    main()
