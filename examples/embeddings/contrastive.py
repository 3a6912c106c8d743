"""Contrastive learning (SimCLR's InfoNCE): two views of one example find each other, then a probe reads classes."""

from __future__ import annotations

from collections.abc import Callable

import tensorgrad as torch
import tensorgrad.nn.functional as F
from tensorgrad import Tensor, nn

CLASSES, SIZE = 5, 24

Augmentation = Callable[[Tensor], Tensor]


def info_nce(z1: Tensor, z2: Tensor, temperature: float = 0.2) -> Tensor:
    """Each of the 2n views names the other of its pair, among all but itself."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    similarity = z @ z.T / temperature
    n = len(z1)
    similarity = similarity.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    targets = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, targets)


class Encoder(nn.Module):
    def __init__(self, width: int = 32, out: int = 16) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(SIZE, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out))

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.backbone(x))
        return projected


def waves(n: int) -> tuple[Tensor, Tensor]:
    """A class is a frequency; phase and height say nothing about it."""
    labels = torch.randint(0, CLASSES, (n,))
    t = torch.linspace(0, 6.2832, SIZE)
    phase = 6.2832 * torch.rand(n, 1)
    height = 0.7 + 0.6 * torch.rand(n, 1)
    return height * torch.sin((labels + 1).unsqueeze(1) * t + phase), labels


def rolled(x: Tensor) -> Tensor:
    shift = int(torch.randint(0, SIZE, (1,)).item())
    return torch.roll(x, shift, dims=1)


def scaled(x: Tensor) -> Tensor:
    return x * (0.7 + 0.6 * torch.rand(len(x), 1))


def noisy(x: Tensor) -> Tensor:
    return x + 0.1 * torch.randn_like(x)


def compose(*steps: Augmentation) -> Augmentation:
    def apply(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return apply


def probe(features: Tensor, labels: Tensor) -> tuple[float, float]:
    """Loss and accuracy of a linear layer on features that are fixed."""
    layer = nn.Linear(features.shape[1], CLASSES)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(layer(features), labels).backward()
        optimizer.step()
    logits = layer(features)
    right = logits.argmax(dim=1) == labels
    return F.cross_entropy(logits, labels).item(), right.to(features.dtype).mean().item()


def main() -> list[float]:
    torch.manual_seed(16)
    x, labels = waves(300)
    encoder = Encoder()
    augment = compose(rolled, scaled, noisy)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=5e-3, weight_decay=1e-4)
    losses: list[float] = []
    for step in range(120):
        batch = x[torch.randperm(len(x))[:64]]
        loss = info_nce(encoder(augment(batch)), encoder(augment(batch)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 40 == 39:
            print(f"step {step + 1}: InfoNCE {loss.item():.4f}")
    with torch.no_grad():
        features: Tensor = encoder.backbone(x)
    loss_value, accuracy = probe(features, labels)
    print(f"linear probe: loss {loss_value:.4f}, accuracy {accuracy:.3f}")
    assert losses[-1] < losses[0]
    assert accuracy > 0.7
    return [*losses, loss_value]


if __name__ == "__main__":
    main()
