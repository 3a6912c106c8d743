"""A convolutional network on the bundled digits, with BatchNorm2d and pooling."""

from pathlib import Path

import numpy as np

import tensorgrad as torch
from tensorgrad import nn


def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )


def main():
    torch.manual_seed(10)
    with np.load(Path(__file__).parent.parent / "data" / "digits.npz") as file:
        images = torch.from_numpy(file["images"][:, None] / 16.0).to(torch.get_default_dtype())
        labels = torch.from_numpy(file["labels"]).type(torch.LongTensor)
    net = nn.Sequential(block(1, 8), block(8, 16), nn.Flatten(), nn.Linear(64, 10))
    print(net)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=0.003)
    loss_fn = nn.CrossEntropyLoss()
    losses = []
    for epoch in range(2):
        net.train()
        for start in range(0, 1400, 70):
            optimizer.zero_grad()
            loss = loss_fn(net(images[start : start + 70]), labels[start : start + 70])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            right = torch.eq(net(images[1400:]).argmax(1), labels[1400:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, test accuracy {right:.3f}")
    return losses


if __name__ == "__main__":
    main()
