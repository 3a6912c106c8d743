"""A recurrent network that predicts the next value of a wave."""

import tensorgrad as torch
from tensorgrad import nn


class Forecaster(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x, state=None):
        y, state = self.lstm(x, state)
        return self.out(y), state


def main():
    torch.manual_seed(11)
    t = torch.arange(0, 200, dtype=torch.get_default_dtype()) * 0.1
    wave = torch.sin(t) * torch.cos(0.3 * t)
    windows = torch.stack([wave[i : i + 26] for i in range(0, 120, 4)]).unsqueeze(-1)
    x, y = windows[:, :-1], windows[:, 1:]

    model = Forecaster(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    loss_fn = nn.MSELoss()
    losses = []
    for step in range(60):
        optimizer.zero_grad()
        prediction, _ = model(x)
        loss = loss_fn(prediction, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 19:
            print(f"step {step + 1}: loss {loss.item():.5f}")

    with torch.no_grad():
        value, state = model(wave[120:150].reshape(1, -1, 1))
        value, future = value[:, -1:], []
        for _ in range(10):
            future.append(value.item())
            value, state = model(value, state)
    error = (torch.tensor(future) - wave[150:160]).abs().mean().item()
    print(f"mean error over 10 steps of its own predictions: {error:.4f}")
    return losses


if __name__ == "__main__":
    main()
