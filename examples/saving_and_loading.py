"""A checkpoint in the middle of training, and a second run that goes on from it."""

import tempfile
from pathlib import Path

import tensorgrad as torch
from tensorgrad import nn, optim


class TheModelClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.features(x))


def start():
    model = TheModelClass()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return model, optimizer, optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)


def train(model, optimizer, scheduler, x, y, epochs):
    losses = []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def main():
    torch.manual_seed(8)
    x = torch.randn(150, 4)
    y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 1).long()

    model, optimizer, scheduler = start()
    for name, value in model.state_dict().items():
        print(f"{name:34}{tuple(value.size())}")
    losses = train(model, optimizer, scheduler, x, y, 20)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        torch.save(
            {
                "epoch": 20,
                "model_state_dict": model.state_dict(),
                "optimizer_state_dict": optimizer.state_dict(),
                "scheduler_state_dict": scheduler.state_dict(),
                "loss": losses[-1],
            },
            path,
        )
        losses += train(model, optimizer, scheduler, x, y, 20)

        other, its_optimizer, its_scheduler = start()
        checkpoint = torch.load(path, weights_only=True)
    other.load_state_dict(checkpoint["model_state_dict"])
    its_optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    its_scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
    again = train(other, its_optimizer, its_scheduler, x, y, 20)
    print(f"epoch {checkpoint['epoch']}: loss {checkpoint['loss']:.4f}; at the end {losses[-1]:.4f}")
    print("the resumed run has the same losses, bit for bit:", again == losses[20:])
    return losses + again


if __name__ == "__main__":
    main()
