"""What the initial weights do to the activations, layer by layer, seen through forward hooks."""

import math

import tensorgrad as torch
from tensorgrad import nn

INITS = {
    "std 1": (nn.Sigmoid, lambda w: nn.init.normal_(w, std=1.0)),
    "std 0.01": (nn.Sigmoid, lambda w: nn.init.normal_(w, std=0.01)),
    "Xavier": (nn.Sigmoid, nn.init.xavier_normal_),
    "1/sqrt(n)": (nn.Sigmoid, lambda w: nn.init.normal_(w, std=1 / math.sqrt(w.size(1)))),
    "Xavier, tanh": (nn.Tanh, lambda w: nn.init.xavier_uniform_(w, gain=nn.init.calculate_gain("tanh"))),
    "He, relu": (nn.ReLU, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
    "orthogonal": (nn.Tanh, nn.init.orthogonal_),
}


def spread(activation, init, x):
    """The standard deviation of the activations and of their gradients, for each of five layers."""
    layers = []
    for _ in range(5):
        linear = nn.Linear(100, 100)
        init(linear.weight)
        nn.init.constant_(linear.bias, 0)
        layers += [linear, activation()]
    net = nn.Sequential(*layers)
    seen = []

    def keep(module, inputs, output):
        output.retain_grad()
        seen.append(output)

    handles = [m.register_forward_hook(keep) for m in net if isinstance(m, activation)]
    net(x).pow(2).mean().backward()
    for handle in handles:
        handle.remove()
    return [a.std().item() for a in seen], [a.grad.norm().item() for a in seen]


def main():
    torch.manual_seed(12)
    x = torch.randn(200, 100)
    losses = []
    for name, (activation, init) in INITS.items():
        stds, norms = spread(activation, init, x)
        print(
            f"{name:13} activations "
            + " ".join(f"{s:.3f}" for s in stds)
            + f"   gradient {norms[0]:.1e} ... {norms[-1]:.1e}"
        )
        losses += stds + norms
    return losses


if __name__ == "__main__":
    main()
