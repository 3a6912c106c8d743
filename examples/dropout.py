"""Dropout by hand and by layer, on few examples of the bundled digits."""

from pathlib import Path

import numpy as np

import tensorgrad as torch
from tensorgrad import nn


def dropout_layer(x, p):
    """Zero each element with probability `p`, and enlarge the others so that the mean stays."""
    assert 0 <= p <= 1
    if p == 1:
        return torch.zeros_like(x)
    mask = (torch.rand(x.shape) > p).float()
    return mask * x / (1.0 - p)


class ByHand(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.lin1, self.lin2, self.lin3 = nn.Linear(64, 100), nn.Linear(100, 100), nn.Linear(100, 10)
        self.relu = nn.ReLU()

    def forward(self, x):
        h1 = self.relu(self.lin1(x.reshape((-1, 64))))
        if self.training:
            h1 = dropout_layer(h1, self.p)
        h2 = self.relu(self.lin2(h1))
        if self.training:
            h2 = dropout_layer(h2, self.p)
        return self.lin3(h2)


def by_layer(p):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Dropout(p), nn.Linear(100, 100), nn.ReLU(), nn.Dropout(p),
        nn.Linear(100, 10),
    )  # fmt: skip


def fit(net, x, y, x_test, y_test):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    loss_fn = nn.CrossEntropyLoss()
    losses = []
    for _ in range(60):
        loss = loss_fn(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        right = [(net(a).argmax(1) == b).double().mean().item() for a, b in ((x, y), (x_test, y_test))]
    print(f"loss {losses[-1]:.4f}, accuracy: train {right[0]:.3f}, test {right[1]:.3f}")
    return losses


def main():
    torch.manual_seed(4)
    with np.load(Path(__file__).parent.parent / "data" / "digits.npz") as file:
        images = torch.tensor(file["images"] / 16).to(torch.get_default_dtype())
        labels = torch.tensor(file["labels"]).long()
    few, rest = (images[:300], labels[:300]), (images[300:], labels[300:])
    losses = []
    for net in (by_layer(0.0), ByHand(0.3), by_layer(0.3)):
        losses += fit(net, *few, *rest)
    return losses


if __name__ == "__main__":
    main()
