"""Linear regression with nothing but tensors: the model, the loss and the update are written out."""

import tensorgrad as torch


def synthetic_data(w, b, n):
    """Points on the plane ``y = x @ w + b``, with noise."""
    x = torch.normal(0, 1, (n, len(w)))
    y = torch.matmul(x, w) + b
    return x, (y + torch.normal(0, 0.01, y.shape)).reshape(-1, 1)


def batches(batch_size, features, labels):
    """The examples in a new random order, a batch at a time."""
    order = torch.randperm(len(features))
    for i in range(0, len(features), batch_size):
        rows = order[i : i + batch_size]
        yield features[rows], labels[rows]


def sgd(params, lr):
    """One step down the gradient, outside of the graph."""
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad
            param.grad.zero_()


def main():
    torch.manual_seed(0)
    true_w, true_b = torch.tensor([2.0, -3.4]), 4.2
    features, labels = synthetic_data(true_w, true_b, 500)
    w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)

    losses = []
    for epoch in range(4):
        for x, y in batches(10, features, labels):
            loss = ((torch.matmul(x, w) + b - y.reshape(b.shape[0], -1).T) ** 2 / 2).mean()
            loss.backward()
            sgd([w, b], lr=0.05)
        with torch.no_grad():
            losses.append(float(((features @ w + b - labels) ** 2 / 2).mean()))
        print(f"epoch {epoch + 1}, loss {losses[-1]:f}")
    print(f"error in w: {(true_w - w.detach().reshape(true_w.shape)).abs().max().item():.4f}")
    print(f"error in b: {abs(true_b - b.item()):.4f}")
    return losses


if __name__ == "__main__":
    main()
