"""Second derivatives: Newton's method on a logistic regression, and a gradient penalty."""

import tensorgrad as torch
import tensorgrad.nn.functional as F
from tensorgrad.autograd.functional import hessian
from tensorgrad.func import grad, vmap


def main():
    torch.manual_seed(13)
    x = torch.cat([torch.randn(60, 2) - 1, torch.randn(60, 2) + 1])
    x = torch.cat([x, torch.ones(120, 1)], dim=1)
    y = torch.cat([torch.zeros(60), torch.ones(60)])

    def loss_of(w):
        return F.binary_cross_entropy_with_logits(x @ w, y) + 0.005 * w.dot(w)

    losses = []
    w = torch.zeros(3)
    for _ in range(6):
        w = w - torch.linalg.solve(hessian(loss_of, w), grad(loss_of)(w))
        losses.append(loss_of(w).item())
    print("Newton:", ", ".join(f"{loss:.6f}" for loss in losses))

    per_example = vmap(grad(lambda w, a, b: F.binary_cross_entropy_with_logits(a @ w, b)), in_dims=(None, 0, 0))
    print("largest gradient of one example:", round(per_example(w, x, y).norm(dim=1).max().item(), 4))

    w = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    for _ in range(30):
        points = x.clone().requires_grad_(True)
        logits = points @ w
        slope = torch.autograd.grad(logits.sum(), points, create_graph=True)[0]
        loss = F.binary_cross_entropy_with_logits(logits, y) + 0.1 * slope.pow(2).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"with a penalty on the slope: loss {losses[-1]:.6f}, w = {[round(v, 3) for v in w.tolist()]}")
    return losses


if __name__ == "__main__":
    main()
