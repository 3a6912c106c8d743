"""The optimisers by class, with a schedule of the learning rate, on one small problem."""

import copy

import tensorgrad as torch
import tensorgrad.nn.functional as F
from tensorgrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(1, 20)
        self.predict = torch.nn.Linear(20, 1)

    def forward(self, x):
        return self.predict(F.relu(self.hidden(x)))


OPTIMIZERS = {
    "SGD": lambda params: torch.optim.SGD(params, lr=0.05),
    "momentum": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.8),
    "Nesterov": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.8, nesterov=True),
    "AdaGrad": lambda params: torch.optim.Adagrad(params, lr=0.05),
    "AdaDelta": lambda params: torch.optim.Adadelta(params, lr=1.0),
    "RMSprop": lambda params: torch.optim.RMSprop(params, lr=0.01, alpha=0.9),
    "Adam": lambda params: torch.optim.Adam(params, lr=0.01, betas=(0.9, 0.99)),
    "AdamW": lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.1),
    "NAdam": lambda params: torch.optim.NAdam(params, lr=0.01),
    "Adamax": lambda params: torch.optim.Adamax(params, lr=0.01),
}


def main():
    torch.manual_seed(6)
    x = torch.unsqueeze(torch.linspace(-1, 1, 300), dim=1)
    y = x.pow(2) + 0.1 * torch.normal(torch.zeros(*x.size()), torch.ones(*x.size()))
    start = Net()
    losses = []
    for name, make in OPTIMIZERS.items():
        net = copy.deepcopy(start)
        optimizer = make(net.parameters())
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)
        for _ in range(60):
            loss = F.mse_loss(net(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        print(f"{name:9} loss {losses[-1]:.5f}, last learning rate {scheduler.get_last_lr()[0]:.1e}")
    return losses


if __name__ == "__main__":
    main()
