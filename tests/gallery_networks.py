"""Networks of `tests.gallery` in PyTorch, as `tests.gallery_peers` gives them to those that draw such."""

from __future__ import annotations

from typing import Any

Network = tuple[Any, dict[str, Any]]  # a module, and its inputs by their names in `tests.gallery`


def networks() -> dict[str, Network]:
    """Return the networks by the names of their pictures."""
    import torch

    torch.manual_seed(0)
    return layered() | expressions() | differentiated()


def layered() -> dict[str, Network]:
    """Return what consists of layers."""
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

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Any, t: Any) -> Any:
            return nn.functional.cross_entropy(self.fc2(nn.functional.gelu(self.fc1(x))), t)

    x = torch.randn(7, 3, requires_grad=True)
    blocks = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(5)]
    deep = nn.Sequential(nn.Linear(4, 8), *blocks, nn.Linear(8, 2))
    return {
        "figure-6-17": (nn.BatchNorm1d(3), {"x": x}),
        "dropout": (nn.Dropout(0.5), {"x": x}),
        "network-folded": (Net(), {"x": torch.randn(32, 64)}),
        "functions": (Classifier(), {"x": torch.randn(5, 4), "t": torch.tensor([0, 2, 1, 1, 0])}),
        "blocks": (deep, {"x": torch.randn(3, 4, requires_grad=True)}),
    }


def expressions() -> dict[str, Network]:
    """Return what is written without a layer."""
    import torch
    from torch import nn

    class Expression(nn.Module):
        def forward(self, a: Any, b: Any, c: Any) -> Any:
            return (a * b + c) * a

    class Scaled(nn.Module):
        def forward(self, x: Any) -> Any:
            size = (x**2).sum().item()
            if size > 1:
                x = x / size
            return x.sum()

    class Logarithm(nn.Module):
        def forward(self, x: Any) -> Any:
            return ((x - 1).log() ** 2).mean()

    def leaf(value: Any) -> Any:
        return torch.tensor(value, requires_grad=True)

    return {
        "values": (Expression(), {"a": leaf(2.0), "b": leaf(-3.0), "c": leaf(10.0)}),
        "decided": (Scaled(), {"x": leaf([1.125, -0.625, 0.875])}),
        "not-a-number": (Logarithm(), {"x": leaf([0.5, 2.0, 3.0])}),
    }


def differentiated() -> dict[str, Network]:
    """Return that of which the backward pass is drawn: `Slope` is one, which has one in turn."""
    import torch
    from torch import nn

    class ByHand(nn.Module):
        def forward(self, x: Any, gamma: Any, beta: Any) -> Any:
            mu = x.mean(0)
            xmu = x - mu
            var = (xmu**2).mean(0)
            xhat = xmu / (var + 1e-5).sqrt()
            return gamma * xhat + beta

    class Slope(nn.Module):
        def forward(self, x: Any, dout: Any) -> Any:
            return torch.autograd.grad((x**3).sum(), x, dout, create_graph=True)

    def leaves(**shapes: tuple[int, ...]) -> dict[str, Any]:
        return {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}

    return {
        "backward": (ByHand(), leaves(x=(7, 3), gamma=(3,), beta=(3,))),
        "double-backward": (Slope(), leaves(x=(3,), dout=())),
    }
