"""A learning-rate finder: the rate grows with each batch until the loss explodes; a third of the best is chosen."""

import copy
import math

import tensorgrad as torch
import tensorgrad.nn as nn
from tensorgrad.optim.lr_scheduler import LambdaLR, OneCycleLR
from tensorgrad.utils.data import DataLoader, Dataset


class NoisyPolynomial(Dataset):
    def __init__(self, n=256):
        self.x = torch.rand(n, 1) * 4 - 2
        self.y = self.x**3 - 2 * self.x + 0.1 * torch.randn(n, 1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, idx):
        return {"input": self.x[idx], "target": self.y[idx]}


class LRFinder(object):
    def __init__(self, model, optimizer, criterion):
        self.model = model
        self.optimizer = optimizer
        self.criterion = criterion
        self.history = {"lr": [], "loss": []}
        self.model_state = copy.deepcopy(model.state_dict())
        self.optimizer_state = copy.deepcopy(optimizer.state_dict())

    def reset(self):
        self.model.load_state_dict(self.model_state)
        self.optimizer.load_state_dict(self.optimizer_state)

    def range_test(self, loader, end_lr=10, num_iter=60, smooth_f=0.2, diverge_th=5):
        start_lr = self.optimizer.param_groups[0]["lr"]
        scheduler = LambdaLR(self.optimizer, lambda it: (end_lr / start_lr) ** (it / num_iter))
        best, iterator = math.inf, iter(loader)
        for iteration in range(num_iter):
            try:
                batch = next(iterator)
            except StopIteration:
                iterator = iter(loader)
                batch = next(iterator)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(batch["input"]), batch["target"])
            loss.backward()
            self.optimizer.step()
            loss = loss.item()
            if iteration > 0:
                loss = smooth_f * loss + (1 - smooth_f) * self.history["loss"][-1]
            self.history["lr"].append(scheduler.get_last_lr()[0])
            self.history["loss"].append(loss)
            scheduler.step()
            best = min(best, loss)
            if loss > diverge_th * best or math.isnan(loss):
                print(f"stopped early at lr {self.history['lr'][-1]:.3g}")
                break

    def suggestion(self):
        lowest = torch.tensor(self.history["loss"]).argmin().item()
        return self.history["lr"][lowest] / 3


def main():
    torch.manual_seed(8)
    loader = DataLoader(NoisyPolynomial(), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    criterion = nn.MSELoss()

    finder = LRFinder(model, optimizer, criterion)
    finder.range_test(loader)
    lr = finder.suggestion()
    finder.reset()
    print(f"suggested learning rate: {lr:.4f}")
    assert 1e-3 < lr < 2

    scheduler = OneCycleLR(optimizer, max_lr=lr, total_steps=25 * len(loader), pct_start=0.3)
    losses = []
    for epoch in range(25):
        running_loss = 0.0
        for batch in loader:
            optimizer.zero_grad()
            loss = criterion(model(batch["input"]), batch["target"])
            loss.backward()
            optimizer.step()
            scheduler.step()
            running_loss += loss.item()
        losses.append(running_loss / len(loader))
        if epoch % 5 == 4:
            print("[%d] loss: %.4f" % (epoch + 1, losses[-1]))
    assert losses[-1] < 0.25
    return losses


if __name__ == "__main__":
    main()
