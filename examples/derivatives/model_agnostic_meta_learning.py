"""MAML on sine waves: the gradient of what one step of learning gives, through that step."""

import math

import tensorgrad as torch
import tensorgrad.nn.functional as F

WIDTH = 24


def init_weights():
    sizes = [1, WIDTH, WIDTH, 1]
    weights = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        w = torch.empty(n_out, n_in)
        torch.nn.init.kaiming_normal_(w)
        weights += [w.requires_grad_(), torch.zeros(n_out, requires_grad=True)]
    return weights


def net(x, weights):
    x = torch.tanh(F.linear(x, weights[0], weights[1]))
    x = torch.tanh(F.linear(x, weights[2], weights[3]))
    return F.linear(x, weights[4], weights[5])


class SineTask:
    def __init__(self):
        self.amplitude = 0.5 + 2 * torch.rand(1).item()
        self.phase = math.pi * torch.rand(1).item()

    def sample(self, k):
        x = 10 * torch.rand(k, 1) - 5
        return x, self.amplitude * torch.sin(x + self.phase)


def inner_loop(task, weights, lr, k=10, steps=1, create_graph=True):
    temp = weights
    x, y = task.sample(k)
    for _ in range(steps):
        loss = F.mse_loss(net(x, temp), y)
        grads = torch.autograd.grad(loss, temp, create_graph=create_graph)
        temp = [w - lr * g for w, g in zip(temp, grads)]
    return temp


def main():
    torch.manual_seed(5)
    weights = init_weights()
    meta_optimizer = torch.optim.Adam(weights, lr=1e-2)
    inner_lr, tasks_per_step = 0.02, 4
    losses = []
    for step in range(100):
        meta_optimizer.zero_grad()
        meta_loss = 0
        for _ in range(tasks_per_step):
            task = SineTask()
            adapted = inner_loop(task, weights, inner_lr)
            x, y = task.sample(10)
            meta_loss = meta_loss + F.mse_loss(net(x, adapted), y) / tasks_per_step
        meta_grads = torch.autograd.grad(meta_loss, weights)
        for w, g in zip(weights, meta_grads):
            w.grad = g
        meta_optimizer.step()
        losses.append(meta_loss.item())
        if step % 25 == 24:
            print(f"step {step + 1}: loss after one step of learning {sum(losses[-25:]) / 25:.4f}")

    before, after = [], []
    for _ in range(20):
        task = SineTask()
        x, y = task.sample(50)
        adapted = inner_loop(task, weights, inner_lr, steps=5, create_graph=False)
        before.append(F.mse_loss(net(x, weights), y).item())
        after.append(F.mse_loss(net(x, adapted), y).item())
    print(f"new tasks: {sum(before) / 20:.3f} before, {sum(after) / 20:.3f} after five steps on ten points")
    assert sum(after) < 0.95 * sum(before)
    return [sum(losses[:20]) / 20, *losses, sum(after) / 20]


if __name__ == "__main__":
    main()
