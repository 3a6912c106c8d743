"""Averages of weights: a moving average beside noisy SGD, and SWA with its schedule and its batch statistics."""

from __future__ import annotations

import tensorgrad as torch
from tensorgrad import Tensor, nn, optim
from tensorgrad.optim.lr_scheduler import CosineAnnealingLR
from tensorgrad.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn
from tensorgrad.utils.data import DataLoader, TensorDataset

EPOCHS, SWA_START = 16, 8


def spirals(n: int) -> tuple[Tensor, Tensor]:
    """Two arms, one class each."""
    label = torch.arange(n) % 2
    radius = torch.rand(n)
    angle = 4.5 * radius + 3.14159 * label
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return x + 0.03 * torch.randn(n, 2), label


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(2, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 2),
    )


@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    model.eval()
    logits: Tensor = model(x)
    loss = nn.functional.cross_entropy(logits, y).item()
    return loss, (logits.argmax(dim=1) == y).to(logits.dtype).mean().item()


def main() -> list[float]:
    torch.manual_seed(7)
    x, y = spirals(320)
    test_x, test_y = spirals(200)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    model = network()
    ema_model = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.95), use_buffers=True)
    swa_model = AveragedModel(model)
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    scheduler = CosineAnnealingLR(optimizer, T_max=EPOCHS)
    swa_scheduler = SWALR(optimizer, swa_lr=0.1, anneal_epochs=2, anneal_strategy="linear")
    losses: list[float] = []
    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        for inputs, targets in loader:
            loss = nn.functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ema_model.update_parameters(model)
            total += loss.item()
        if epoch >= SWA_START:
            swa_model.update_parameters(model)
            swa_scheduler.step()
        else:
            scheduler.step()
        losses.append(total / len(loader))
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, lr {optimizer.param_groups[0]['lr']:.3f}")
    update_bn(loader, swa_model)
    for name, each in {"last weights": model, "moving average": ema_model, "SWA": swa_model}.items():
        loss_value, accuracy = evaluate(each, test_x, test_y)
        losses.append(loss_value)
        print(f"{name:14}: test loss {loss_value:.4f}, accuracy {accuracy:.3f}")
        assert accuracy > 0.85, name
    assert int(swa_model.n_averaged.item()) == EPOCHS - SWA_START
    return losses


if __name__ == "__main__":
    main()
