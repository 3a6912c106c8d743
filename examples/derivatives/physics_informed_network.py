"""A physics-informed network: an oscillator's equation is the loss, through derivatives of the network by its input."""

from __future__ import annotations

import math

import tensorgrad as torch
from tensorgrad import Tensor, nn

D, W0 = 1.0, 6.0  # damping and frequency: u'' + 2 D u' + W0 ** 2 u = 0, u(0) = 1, u'(0) = 0


def exact(t: Tensor) -> Tensor:
    w = math.sqrt(W0**2 - D**2)
    phi = math.atan(-D / w)
    return torch.exp(-D * t) * torch.cos(phi + w * t) / math.cos(phi)


class FCN(nn.Module):
    """A fully connected network of sines."""

    def __init__(self, hidden: int = 24) -> None:
        super().__init__()
        self.first = nn.Linear(1, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1)
        nn.init.uniform_(self.first.weight, -8.0, 8.0)

    def forward(self, t: Tensor) -> Tensor:
        return self.last(torch.tanh(self.second(torch.sin(self.first(t)))))


def derivative(u: Tensor, t: Tensor) -> Tensor:
    (du,) = torch.autograd.grad(u, t, grad_outputs=torch.ones_like(u), create_graph=True)
    return du


def residual(net: FCN, t: Tensor) -> Tensor:
    u = net(t)
    du = derivative(u, t)
    return derivative(du, t) + 2 * D * du + W0**2 * u


def main() -> list[float]:
    torch.manual_seed(6)
    net = FCN()
    start = torch.zeros(1, 1, requires_grad=True)
    points = torch.linspace(0, 1, 40).view(-1, 1).requires_grad_(True)
    optimizer = torch.optim.Adam(net.parameters(), lr=8e-3)
    losses: list[float] = []
    for step in range(400):
        optimizer.zero_grad()
        u = net(start)
        at_start = (u - 1).square().sum() + 0.1 * derivative(u, start).square().sum()
        physics = residual(net, points).square().mean()
        loss = at_start + 1e-3 * physics
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 100 == 99:
            print(f"step {step + 1}: start {at_start.item():.2e}, equation {physics.item():.2e}")
    with torch.no_grad():
        error = (net(points) - exact(points)).abs().max().item()
    print(f"largest distance to the solution: {error:.4f}")
    assert losses[-1] < 1e-3
    assert error < 0.1
    return losses


if __name__ == "__main__":
    main()
