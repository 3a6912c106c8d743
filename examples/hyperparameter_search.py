"""A random search for the learning rate and the weight decay, on a validation set, narrowed once."""

import math
from pathlib import Path

import numpy as np

import tensorgrad as torch
from tensorgrad import nn


def log_uniform(low, high):
    """10 to a power that is uniform in [low, high)."""
    return 10 ** torch.empty(1).uniform_(low, high).item()


def run(lr, decay, train, valid):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, weight_decay=decay)
    for _ in range(30):
        loss = nn.functional.cross_entropy(net(train[0]), train[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        return nn.functional.cross_entropy(net(valid[0]), valid[1]).item()


def search(ranges, trials, train, valid):
    found = []
    for _ in range(trials):
        lr, decay = log_uniform(*ranges["lr"]), log_uniform(*ranges["decay"])
        state = torch.get_rng_state()
        found.append((run(lr, decay, train, valid), lr, decay))
        torch.set_rng_state(state)
    return sorted(found)


def main():
    with np.load(Path(__file__).parent.parent / "data" / "digits.npz") as file:
        x = torch.as_tensor(file["images"].reshape(-1, 64) / 16).to(torch.get_default_dtype())
        t = torch.as_tensor(file["labels"]).long()
    torch.manual_seed(9)
    order = torch.randperm(500)
    train, valid = (x[order[:400]], t[order[:400]]), (x[order[400:]], t[order[400:]])

    ranges = {"lr": (-4.0, 0.0), "decay": (-8.0, -2.0)}
    losses = []
    for number in (1, 2):
        best = search(ranges, 8, train, valid)
        print(f"round {number}: " + "; ".join(f"{loss:.3f} (lr {lr:.1e}, decay {d:.1e})" for loss, lr, d in best[:3]))
        losses += [loss for loss, _, _ in best]
        good = [math.log10(lr) for _, lr, _ in best[:3]]
        ranges["lr"] = (min(good) - 0.2, max(good) + 0.2)
    return losses


if __name__ == "__main__":
    main()
