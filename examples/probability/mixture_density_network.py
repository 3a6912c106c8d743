"""A mixture density network: where one input has several answers, it gives their distribution."""

from __future__ import annotations

import math

import tensorgrad as torch
from tensorgrad import Tensor, nn
from tensorgrad.distributions import Categorical, MixtureSameFamily, Normal


class MDN(nn.Module):
    """A network whose output is a mixture of `components` normal distributions for each example."""

    def __init__(self, hidden: int, components: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, components) for name in ("pi", "mu", "sigma")})

    def forward(self, x: Tensor) -> MixtureSameFamily:
        h: Tensor = self.body(x)
        components = Normal(self.heads["mu"](h), nn.functional.softplus(self.heads["sigma"](h)) + 0.01)
        return MixtureSameFamily(Categorical(logits=self.heads["pi"](h)), components)


def inverse_sine(n: int) -> tuple[Tensor, Tensor]:
    """``x = y + 0.3 * sin(2 * pi * y)``, read from x to y: up to three answers."""
    y = torch.rand(n)
    x = y + 0.3 * torch.sin(2 * math.pi * y) + 0.02 * torch.randn(n)
    return x.unsqueeze(1), y


def train(model: MDN, x: Tensor, y: Tensor, steps: int) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses: list[float] = []
    for step in range(steps):
        loss = -model(x).log_prob(y).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1}: {loss.item():.4f}")
    return losses


def main() -> list[float]:
    torch.manual_seed(17)
    x, y = inverse_sine(300)
    losses = train(MDN(20, components=1), x, y, 50)
    one = losses[-1]
    model = MDN(20, components=5)
    losses += train(model, x, y, 200)
    with torch.no_grad():
        at_half = model(torch.tensor([[0.5]]))
        answers = at_half.sample((200,)).flatten()
        spread, middle = answers.std().item(), at_half.mean.item()
        grid = torch.linspace(-0.5, 1.5, 400)
        area = torch.trapezoid(model(torch.full((400, 1), 0.5)).log_prob(grid).exp(), grid).item()
    print(f"one normal: {one:.3f}, five: {losses[-1]:.3f}; at 0.5 {middle:.2f} +- {spread:.2f}, area {area:.4f}")
    assert losses[-1] < one - 0.3
    assert abs(area - 1) < 0.02
    return losses


if __name__ == "__main__":
    main()
