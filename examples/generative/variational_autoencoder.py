"""A variational autoencoder of small pictures of bars: distributions, their samples and their divergence."""

from __future__ import annotations

import tensorgrad as torch
from tensorgrad import Tensor, nn
from tensorgrad.distributions import Bernoulli, Independent, Normal, kl_divergence
from tensorgrad.utils.data import DataLoader, TensorDataset

SIDE = 6


class VAE(nn.Module):
    def __init__(self, hidden: int = 48, latent: int = 6) -> None:
        super().__init__()
        self.latent = latent
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, hidden), nn.Tanh())
        self.to_mean = nn.Linear(hidden, latent)
        self.to_log_scale = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, SIDE * SIDE), nn.Unflatten(1, (SIDE, SIDE))
        )

    def encode(self, x: Tensor) -> Independent:
        h: Tensor = self.encoder(x)
        return Independent(Normal(self.to_mean(h), self.to_log_scale(h).exp()), 1)

    def decode(self, z: Tensor) -> Independent:
        return Independent(Bernoulli(logits=self.decoder(z)), 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the reconstruction costs, and the divergence from the prior, of each picture."""
        posterior = self.encode(x)
        prior = Independent(Normal(torch.zeros(self.latent), torch.ones(self.latent)), 1)
        return -self.decode(posterior.rsample()).log_prob(x), kl_divergence(posterior, prior)


def bars(n: int) -> Tensor:
    """Pictures of horizontal bars, each row lit with probability 0.3."""
    return (torch.rand(n, SIDE, 1) < 0.3).to(torch.get_default_dtype()).expand(n, SIDE, SIDE)


def main() -> list[float]:
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(bars(256)), batch_size=32, shuffle=True)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses: list[float] = []
    for epoch in range(20):
        beta = min(1.0, (epoch + 1) / 8)
        total = 0.0
        for (x,) in loader:
            reconstruction, divergence = model(x)
            loss = (reconstruction + beta * divergence).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += (reconstruction + divergence).mean().item()
        losses.append(total / len(loader))
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: -ELBO {losses[-1]:.3f}")

    model.eval()
    with torch.no_grad():
        drawn = model.decode(torch.randn(4, model.latent)).mean
    for row in range(SIDE):
        print("  ".join("".join(" .:#"[min(int(4 * v), 3)] for v in picture[row].tolist()) for picture in drawn))
    assert losses[-1] < 10.0, "36 pixels that are not understood cost 22"
    return losses


if __name__ == "__main__":
    main()
