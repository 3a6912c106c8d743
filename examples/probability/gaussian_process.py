"""A Gaussian process: hyperparameters by the gradient of the log marginal likelihood, through a Cholesky factor."""

from __future__ import annotations

import math

import tensorgrad as torch
from tensorgrad import Tensor, nn


class RBF(nn.Module):
    """``k(a, b) = variance * exp(-|a - b|**2 / (2 * length**2))``."""

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(0.0))
        self.log_length = nn.Parameter(torch.tensor(0.7))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        squared = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(dim=-1)
        return self.log_variance.exp() * torch.exp(-0.5 * squared / torch.exp(2 * self.log_length))


class GaussianProcess(nn.Module):
    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__()
        self.x, self.y = x, y
        self.kernel = RBF()
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def factor(self) -> Tensor:
        noise = (2 * self.log_noise).exp() + 1e-6
        return torch.linalg.cholesky(self.kernel(self.x, self.x) + noise * torch.eye(len(self.x)))

    def negative_log_likelihood(self) -> Tensor:
        L = self.factor()
        whitened = torch.linalg.solve_triangular(L, self.y.unsqueeze(-1), upper=False)
        half_log_det = L.diagonal().log().sum()
        return 0.5 * whitened.square().sum() + half_log_det + 0.5 * len(self.x) * math.log(2 * math.pi)

    @torch.no_grad()
    def predict(self, points: Tensor) -> tuple[Tensor, Tensor]:
        L = self.factor()
        cross: Tensor = self.kernel(self.x, points)
        alpha = torch.cholesky_solve(self.y.unsqueeze(-1), L)
        v = torch.linalg.solve_triangular(L, cross, upper=False)
        variance = self.kernel(points, points).diagonal() - v.square().sum(dim=0)
        return (cross.T @ alpha).squeeze(-1), variance.clamp(min=0).sqrt()


def f(x: Tensor) -> Tensor:
    return torch.sin(2 * x) + 0.3 * x


def main() -> list[float]:
    torch.manual_seed(9)
    x = 6 * torch.rand(40, 1) - 3
    y = f(x).squeeze(-1) + 0.15 * torch.randn(40)
    gp = GaussianProcess(x, y)
    optimizer = torch.optim.Adam(gp.parameters(), lr=0.05)
    losses: list[float] = []
    for step in range(120):
        optimizer.zero_grad()
        loss = gp.negative_log_likelihood()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 30 == 29:
            length, noise = gp.kernel.log_length.exp().item(), gp.log_noise.exp().item()
            print(f"step {step + 1}: {loss.item():8.4f}, length {length:.3f}, noise {noise:.3f}")
    points = torch.linspace(-2.5, 2.5, 50).unsqueeze(-1)
    mean, deviation = gp.predict(points)
    error = (mean - f(points).squeeze(-1)).abs()
    within = (error < 3 * deviation).to(error.dtype).mean().item()
    print(f"largest error {error.max().item():.3f}; {within:.0%} within three deviations")
    assert losses[-1] < 0.6 * losses[0]
    assert 0.08 < gp.log_noise.exp().item() < 0.25
    assert error.max().item() < 0.5
    return losses


if __name__ == "__main__":
    main()
