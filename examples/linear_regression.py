"""Linear regression with a layer, a loader, a loss and an optimiser."""

import tensorgrad as torch
from tensorgrad import nn
from tensorgrad.utils.data import DataLoader, TensorDataset


def main():
    torch.manual_seed(1)
    x = torch.linspace(-1, 1, 200).unsqueeze(1)
    y = 3 * x - 0.5 + 0.1 * torch.randn(x.size())

    loader = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
    model = nn.Linear(1, 1)
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    losses = []
    for epoch in range(20):
        total = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * inputs.size(0)
        losses.append(total / len(loader.dataset))
        if (epoch + 1) % 5 == 0:
            print(f"epoch [{epoch + 1}/20], loss: {losses[-1]:.4f}")
    print(f"y = {model.weight.item():.2f} x + {model.bias.item():.2f}")
    return losses


if __name__ == "__main__":
    main()
