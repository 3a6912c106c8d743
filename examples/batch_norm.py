"""Batch normalisation by hand and by layer: the same numbers from both."""

import tensorgrad as torch
from tensorgrad import nn


def batch_norm(x, gamma, beta, moving_mean, moving_var, eps, momentum):
    if not torch.is_grad_enabled():
        x_hat = (x - moving_mean) / torch.sqrt(moving_var + eps)
    else:
        mean = x.mean(dim=0)
        var = ((x - mean) ** 2).mean(dim=0)
        x_hat = (x - mean) / torch.sqrt(var + eps)
        n = len(x)
        moving_mean = (1.0 - momentum) * moving_mean + momentum * mean
        moving_var = (1.0 - momentum) * moving_var + momentum * var * n / (n - 1)
    return gamma * x_hat + beta, moving_mean.data, moving_var.data


class BatchNorm(nn.Module):
    def __init__(self, num_features):
        super().__init__()
        shape = (1, num_features)
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.moving_mean = torch.zeros(shape)
        self.moving_var = torch.ones(shape)

    def forward(self, x):
        y, self.moving_mean, self.moving_var = batch_norm(
            x, self.gamma, self.beta, self.moving_mean, self.moving_var, eps=1e-5, momentum=0.1
        )
        return y


def network(norm):
    return nn.Sequential(
        nn.Linear(2, 16), norm(16), nn.ReLU(), nn.Linear(16, 16), norm(16), nn.ReLU(), nn.Linear(16, 2)
    )


def spirals(n):
    """Two spirals, one per class."""
    t = torch.linspace(0.25, 3, n)
    arms = [torch.stack([s * t * torch.cos(2 * t), s * t * torch.sin(2 * t)], dim=1) for s in (1, -1)]
    x = torch.cat(arms) + 0.05 * torch.randn(2 * n, 2)
    return x, torch.cat([torch.zeros(n), torch.ones(n)]).long()


def main():
    torch.manual_seed(5)
    x, y = spirals(100)
    by_hand, by_layer = network(BatchNorm), network(nn.BatchNorm1d)
    for ours, theirs in zip(by_hand.parameters(), by_layer.parameters()):
        theirs.data.copy_(ours.data.reshape(theirs.shape))
    loss_fn = nn.CrossEntropyLoss()
    losses = []
    for net in (by_hand, by_layer):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for step in range(200):
            optimizer.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if step % 50 == 49:
                print(f"step {step + 1}: loss {loss.item():.4f}")
    by_layer.eval()
    with torch.no_grad():
        apart = (by_hand(x) - by_layer(x)).abs().max().item()
        print(f"largest difference between the two, on running statistics: {apart:.1e}")
        print(f"accuracy {(by_layer(x).argmax(dim=1) == y).sum().item() / len(y):.3f}")
    return losses


if __name__ == "__main__":
    main()
