"""Weight decay against overfitting: 200 inputs and 20 examples, first by hand, then by a parameter group."""

import tensorgrad as torch
from tensorgrad import nn
from tensorgrad.utils.data import DataLoader, TensorDataset

N_TRAIN, N_TEST, INPUTS = 20, 100, 200


def make_data():
    true_w, true_b = torch.ones(INPUTS, 1) * 0.01, 0.05
    features = torch.randn(N_TRAIN + N_TEST, INPUTS)
    labels = features @ true_w + true_b + torch.randn(N_TRAIN + N_TEST, 1) * 0.01
    return features, labels


def l2_penalty(w):
    return (w**2).sum() / 2


def by_hand(features, labels, lambd):
    """The penalty is part of the loss."""
    w = torch.randn(INPUTS, 1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    loader = DataLoader(TensorDataset(features[:N_TRAIN], labels[:N_TRAIN]), batch_size=5, shuffle=True)
    for _ in range(40):
        for x, y in loader:
            loss = ((x @ w + b - y) ** 2).mean() / 2 + lambd * l2_penalty(w)
            loss.backward()
            for p in (w, b):
                p.data -= 0.003 * p.grad
                p.grad.zero_()
    error = (features[N_TRAIN:] @ w + b - labels[N_TRAIN:]).detach()
    return error.pow(2).mean().item() / 2, w.norm().item()


def by_group(features, labels, decay):
    """The optimiser decays the weight, and not the bias."""
    net = nn.Sequential(nn.Linear(INPUTS, 1))
    for param in net.parameters():
        param.data.normal_()
    loss_of = nn.MSELoss(reduction="mean")
    trainer = torch.optim.SGD([{"params": net[0].weight, "weight_decay": decay}, {"params": net[0].bias}], lr=0.003)
    loader = DataLoader(TensorDataset(features[:N_TRAIN], labels[:N_TRAIN]), batch_size=5, shuffle=True)
    for _ in range(40):
        for x, y in loader:
            trainer.zero_grad()
            loss = loss_of(net(x), y) / 2
            loss.backward()
            trainer.step()
    with torch.no_grad():
        return loss_of(net(features[N_TRAIN:]), labels[N_TRAIN:]).item() / 2, net[0].weight.norm().item()


def main():
    torch.manual_seed(3)
    features, labels = make_data()
    losses = []
    for run in (by_hand, by_group):
        for strength in (0, 3):
            loss, norm = run(features, labels, strength)
            losses.append(loss)
            print(f"{run.__name__:8} lambda {strength}: test loss {loss:9.4f}, norm of the weights {norm:7.4f}")
    return losses


if __name__ == "__main__":
    main()
