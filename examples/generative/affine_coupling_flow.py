"""A normalising flow of affine couplings (RealNVP) learns the density of two moons."""

from __future__ import annotations

import math

import tensorgrad as torch
from tensorgrad import Tensor, nn
from tensorgrad.distributions import MultivariateNormal


class AffineCoupling(nn.Module):
    """One half of the numbers shifts and scales the other: ``y = x * exp(s) + t`` where the mask is 0."""

    mask: Tensor

    def __init__(self, mask: Tensor, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(
            nn.Linear(2, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, 4)
        )
        self.scale = nn.Parameter(torch.zeros(2))

    def parts(self, fixed: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.net(fixed).chunk(2, dim=-1)
        free = 1 - self.mask
        return torch.tanh(s) * self.scale * free, t * free

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x * self.mask)
        return x * s.exp() + t, s.sum(dim=-1)

    def inverse(self, y: Tensor) -> Tensor:
        s, t = self.parts(y * self.mask)
        return (y - t) * (-s).exp()


class RealNVP(nn.Module):
    def __init__(self, depth: int = 6, hidden: int = 32) -> None:
        super().__init__()
        masks = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        self.layers = nn.ModuleList([AffineCoupling(masks[i % 2], hidden) for i in range(depth)])
        self.base = MultivariateNormal(torch.zeros(2), torch.eye(2))

    def log_prob(self, x: Tensor) -> Tensor:
        total = torch.zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return self.base.log_prob(x) + total

    def sample(self, n: int) -> Tensor:
        x = self.base.sample((n,))
        for layer in reversed(self.layers):
            assert isinstance(layer, AffineCoupling)
            x = layer.inverse(x)
        return x


def moons(n: int) -> Tensor:
    angle = math.pi * torch.rand(n)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    which = (torch.rand(n, 1) < 0.5).to(upper.dtype)
    return which * upper + (1 - which) * lower + 0.08 * torch.randn(n, 2)


def main() -> list[float]:
    torch.manual_seed(4)
    flow = RealNVP()
    optimizer = torch.optim.Adam(flow.parameters(), lr=6e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=150)
    losses: list[float] = []
    for step in range(150):
        loss = -flow.log_prob(moons(128)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1}: {loss.item():.4f} nats")
    with torch.no_grad():
        held_out = -flow.log_prob(moons(500)).mean().item()
        x = flow.sample(200)
        z = x
        for layer in flow.layers:
            z, _ = layer(z)
        for layer in reversed(flow.layers):
            assert isinstance(layer, AffineCoupling)
            z = layer.inverse(z)
    assert torch.allclose(x, z, atol=1e-4), "the way back is not the inverse of the way there"
    print(f"held out: {held_out:.4f} nats; samples within [{x.min().item():.2f}, {x.max().item():.2f}]")
    assert held_out < 1.9
    return [*losses, held_out]


if __name__ == "__main__":
    main()
