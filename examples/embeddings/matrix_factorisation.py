"""Matrix factorisation with embeddings: users, films and what is missing among their ratings."""

from __future__ import annotations

from dataclasses import dataclass

import tensorgrad as torch
from tensorgrad import Tensor, nn
from tensorgrad.utils.data import DataLoader, Dataset, random_split


@dataclass
class Config:
    users: int = 40
    films: int = 30
    factors: int = 4
    epochs: int = 25
    lr: float = 0.03
    batch_size: int = 64


class Ratings(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Half of all ratings, made of three hidden tastes and of how generous each is."""

    def __init__(self, config: Config) -> None:
        taste, style = torch.randn(config.users, 3), torch.randn(config.films, 3)
        generous, good = 0.5 * torch.randn(config.users, 1), 0.5 * torch.randn(config.films)
        ratings = 3 + generous + good + 0.6 * taste @ style.T
        ratings = (ratings + 0.1 * torch.randn_like(ratings)).clamp(1, 5)
        seen = (torch.rand_like(ratings) < 0.5).nonzero()
        self.user, self.film = seen.unbind(dim=1)
        self.rating = ratings[self.user, self.film]

    def __len__(self) -> int:
        return len(self.rating)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.user[index], self.film[index], self.rating[index]


class BiasedMF(nn.Module):
    def __init__(self, config: Config, mean: float) -> None:
        super().__init__()
        self.user_factors = nn.Embedding(config.users, config.factors)
        self.film_factors = nn.Embedding(config.films, config.factors)
        self.user_bias = nn.Embedding(config.users, 1)
        self.film_bias = nn.Embedding(config.films, 1)
        self.mean = mean
        for factors in (self.user_factors, self.film_factors):
            nn.init.normal_(factors.weight, std=0.1)
        for bias in (self.user_bias, self.film_bias):
            nn.init.zeros_(bias.weight)

    def forward(self, user: Tensor, film: Tensor) -> Tensor:
        product = (self.user_factors(user) * self.film_factors(film)).sum(dim=-1)
        return self.mean + product + self.user_bias(user).squeeze(-1) + self.film_bias(film).squeeze(-1)


def rmse(model: BiasedMF, loader: DataLoader[tuple[Tensor, Tensor, Tensor]]) -> float:
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for user, film, rating in loader:
            error = model(user, film) - rating
            total += error.square().sum().item()
            count += rating.numel()
    return float((total / count) ** 0.5)


def main() -> list[float]:
    torch.manual_seed(22)
    config = Config()
    data = Ratings(config)
    train_set, test_set = random_split(data, [0.8, 0.2], generator=torch.Generator().manual_seed(0))
    train_loader = DataLoader(train_set, batch_size=config.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)
    model = BiasedMF(config, mean=data.rating.mean().item())
    optimizer = torch.optim.Adam(
        [
            {"params": [model.user_factors.weight, model.film_factors.weight], "weight_decay": 1e-4},
            {"params": [model.user_bias.weight, model.film_bias.weight]},
        ],
        lr=config.lr,
    )
    losses = [rmse(model, test_loader)]
    print(f"mean rating only: RMSE {losses[0]:.4f}")
    for epoch in range(config.epochs):
        model.train()
        for user, film, rating in train_loader:
            loss = nn.functional.mse_loss(model(user, film), rating)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(rmse(model, test_loader))
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: RMSE {losses[-1]:.4f}")
    neighbours = nn.functional.cosine_similarity(model.film_factors.weight[:1], model.film_factors.weight).topk(4)
    print("closest to film 0:", neighbours.indices[1:].tolist())
    assert losses[-1] < 0.65 * losses[0]
    return losses


if __name__ == "__main__":
    main()
