"""Modules of one's own: a polynomial of dynamic degree, and a block with a skip that shares its weights."""

import math
import random

import tensorgrad as torch


class DynamicNet(torch.nn.Module):
    """``a + b x + c x^2 + d x^3``, and now and then ``e x^4 + e x^5``: the graph is new at every call."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.randn(()))
        self.b = torch.nn.Parameter(torch.randn(()))
        self.c = torch.nn.Parameter(torch.randn(()))
        self.d = torch.nn.Parameter(torch.randn(()))
        self.e = torch.nn.Parameter(torch.randn(()))

    def forward(self, x):
        y = self.a + self.b * x + self.c * x**2 + self.d * x**3
        for exp in range(4, random.randint(4, 6)):
            y = y + self.e * x**exp
        return y

    def string(self):
        return (
            f"y = {self.a.item():.3f} + {self.b.item():.3f} x + {self.c.item():.3f} x^2 + {self.d.item():.3f} x^3"
            f" + {self.e.item():.3f} x^4 ? + {self.e.item():.3f} x^5 ?"
        )


class Residual(torch.nn.Module):
    """A layer that is applied `depth` times, each time around a skip."""

    def __init__(self, width, depth):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.Tanh())
        self.scale = torch.nn.Parameter(torch.tensor(0.1))
        self.register_buffer("calls", torch.tensor(0))
        self.depth = depth

    def forward(self, x):
        self.calls += 1
        for _ in range(self.depth):
            x = x + self.scale * self.inner(x)
        return x


def init_weights(m):
    if isinstance(m, torch.nn.Linear):
        torch.nn.init.xavier_uniform_(m.weight)
        m.bias.data.fill_(0.01)


def main():
    torch.manual_seed(7)
    random.seed(7)
    x = torch.linspace(-math.pi, math.pi, 500)
    y = torch.sin(x)
    losses = []

    model = DynamicNet()
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=2e-8, momentum=0.9)
    for _ in range(300):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"loss {losses[-1]:.3f}: {model.string()}")

    model = torch.nn.Sequential(torch.nn.Linear(1, 8), Residual(8, 3), torch.nn.Linear(8, 1))
    model.apply(init_weights)
    print(model, sum(p.numel() for p in model.parameters() if p.requires_grad), "parameters")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(200):
        loss = torch.nn.functional.mse_loss(model(x[:, None]), y[:, None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"loss {losses[-1]:.5f} after {model[1].calls.item()} calls")
    return losses


if __name__ == "__main__":
    main()
