"""A neural differential equation: Runge-Kutta steps through a network, fitted to a spiral."""

from __future__ import annotations

from collections.abc import Callable

import tensorgrad as torch
from tensorgrad import Tensor, nn

Field = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[Field, Tensor, Tensor, Tensor], Tensor]


def euler_step(f: Field, t: Tensor, dt: Tensor, y: Tensor) -> Tensor:
    return y + dt * f(t, y)


def rk4_step(f: Field, t: Tensor, dt: Tensor, y: Tensor) -> Tensor:
    k1 = f(t, y)
    k2 = f(t + dt / 2, y + dt / 2 * k1)
    k3 = f(t + dt / 2, y + dt / 2 * k2)
    k4 = f(t + dt, y + dt * k3)
    return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def odeint(f: Field, y0: Tensor, t: Tensor, step: Step = rk4_step) -> Tensor:
    """Return the solution at each time of `t`, stacked in front."""
    solution = [y0]
    for start, end in zip(t[:-1], t[1:]):
        solution.append(step(f, start, end - start, solution[-1]))
    return torch.stack(solution)


class Spiral(nn.Module):
    """The field that is to be found."""

    A: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("A", torch.tensor([[-0.1, 1.0], [-1.0, -0.1]]))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return (y**3) @ self.A


class ODEFunc(nn.Module):
    def __init__(self, hidden: int = 24) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(y**3)
        return out


def main() -> list[float]:
    torch.manual_seed(18)
    t = torch.linspace(0.0, 5.0, 101)
    with torch.no_grad():
        true_y = odeint(Spiral(), torch.tensor([[1.5, 0.0]]), t)
        coarse = odeint(Spiral(), torch.tensor([[1.5, 0.0]]), t, euler_step)
    print(f"Euler ends {(coarse - true_y)[-1].norm().item():.3f} from Runge-Kutta")

    func = ODEFunc()
    optimizer = torch.optim.RMSprop(func.parameters(), lr=1e-2)
    losses: list[float] = []
    for itr in range(60):
        s = torch.randint(0, len(t) - 6, (20,))
        batch_y0 = true_y[s]
        batch_y = torch.stack([true_y[s + i] for i in range(6)], dim=0)
        optimizer.zero_grad()
        pred_y = odeint(func, batch_y0, t[:6])
        loss = torch.mean(torch.abs(pred_y - batch_y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if itr % 20 == 19:
            print(f"Iter {itr + 1:04d} | Loss {loss.item():.6f}")
    print(f"field at (1, 1): {[round(v, 2) for v in func(t[0], torch.ones(1, 2))[0].tolist()]}, truly [-1.1, 0.9]")
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    return losses


if __name__ == "__main__":
    main()
