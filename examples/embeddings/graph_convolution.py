"""A graph convolution network (Kipf and Welling) tells communities apart from a few labels and who knows whom."""

from __future__ import annotations

import math

import tensorgrad as torch
import tensorgrad.nn.functional as F
from tensorgrad import Tensor, nn
from tensorgrad.nn.parameter import Parameter

COMMUNITIES = 3


class GraphConvolution(nn.Module):
    """``A_hat @ X @ W + b`` with the normalised adjacency."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(torch.empty(in_features, out_features))
        self.bias: Parameter | None
        if bias:
            self.bias = Parameter(torch.empty(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        support = torch.mm(x, self.weight)
        output = adj @ support
        return output if self.bias is None else output + self.bias

    def __repr__(self) -> str:
        return f"{self.__class__.__name__} ({self.in_features} -> {self.out_features})"


class GCN(nn.Module):
    def __init__(self, nfeat: int, nhid: int, nclass: int, dropout: float) -> None:
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass, bias=False)
        self.dropout = dropout

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        return F.log_softmax(self.gc2(x, adj), dim=1)


def society(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Adjacency with self-loops, symmetrically normalised; noisy features; communities."""
    labels = torch.arange(n) % COMMUNITIES
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    chance = torch.where(same, torch.tensor(0.25), torch.tensor(0.03))
    edges = torch.triu(torch.rand(n, n) < chance, diagonal=1)
    adj = (edges | edges.T).to(chance.dtype) + torch.eye(n)
    d_inv_sqrt = adj.sum(dim=1).pow(-0.5)
    adj = d_inv_sqrt.unsqueeze(1) * adj * d_inv_sqrt
    features = F.one_hot(labels, COMMUNITIES) + 1.5 * torch.randn(n, COMMUNITIES)
    return adj, features, labels


def main() -> list[float]:
    torch.manual_seed(21)
    adj, features, labels = society(90)
    idx_train, idx_test = torch.arange(15), torch.arange(15, 90)
    model = GCN(COMMUNITIES, 16, COMMUNITIES, dropout=0.3)
    print(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
    losses: list[float] = []
    for epoch in range(100):
        model.train()
        optimizer.zero_grad()
        output: Tensor = model(features, adj)
        loss_train = F.nll_loss(output[idx_train], labels[idx_train])
        loss_train.backward()
        optimizer.step()
        losses.append(loss_train.item())
        if epoch % 25 == 24:
            print(f"Epoch: {epoch + 1:04d} loss_train: {loss_train.item():.4f}")
    model.eval()
    with torch.no_grad():
        output = model(features, adj)
        right = output[idx_test].max(1)[1].eq(labels[idx_test]).sum().item() / len(idx_test)
        nobody_known = torch.eye(90)
        by_features = model(features, nobody_known)[idx_test].max(1)[1].eq(labels[idx_test]).sum().item() / len(
            idx_test
        )
    print(f"right with the graph: {right:.2f}, without: {by_features:.2f}")
    assert losses[-1] < 0.7 * losses[0]
    assert right > 0.6
    return losses


if __name__ == "__main__":
    main()
