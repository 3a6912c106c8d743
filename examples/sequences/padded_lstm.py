"""A bidirectional LSTM over sequences of different lengths, padded and packed: do the brackets match?"""

from __future__ import annotations

import random

import tensorgrad as torch
from tensorgrad import Tensor, nn
from tensorgrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from tensorgrad.utils.data import DataLoader, Dataset

VOCABULARY = {"<pad>": 0, "(": 1, ")": 2, "[": 3, "]": 4}

Batch = tuple[Tensor, Tensor, Tensor]


class Brackets(Dataset[tuple[str, bool]]):
    """Texts of brackets; in half of them one has been turned into another."""

    def __init__(self, n: int, rng: random.Random) -> None:
        self.items: list[tuple[str, bool]] = []
        for _ in range(n):
            text, good = self.balanced(rng, rng.randint(1, 4)), rng.random() < 0.5
            if not good:
                place = rng.randrange(len(text))
                other = rng.choice([c for c in "()[]" if c != text[place]])
                text = text[:place] + other + text[place + 1 :]
            self.items.append((text, good))

    def balanced(self, rng: random.Random, pairs: int) -> str:
        if pairs == 0:
            return ""
        inside = rng.randrange(pairs)
        left, right = rng.choice([("(", ")"), ("[", "]")])
        return left + self.balanced(rng, inside) + right + self.balanced(rng, pairs - 1 - inside)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[str, bool]:
        return self.items[index]


def collate(items: list[tuple[str, bool]]) -> Batch:
    texts = [torch.tensor([VOCABULARY[c] for c in text]) for text, _ in items]
    lengths = torch.tensor([len(text) for text in texts])
    labels = torch.tensor([1.0 if good else 0.0 for _, good in items])
    return pad_sequence(texts, batch_first=True), lengths, labels


class Classifier(nn.Module):
    def __init__(self, embedding: int = 8, hidden: int = 24) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), embedding, padding_idx=0)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(4 * hidden, 1)

    def forward(self, text: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(text), lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_output, (hidden, _) = self.lstm(packed)
        output, _ = pad_packed_sequence(packed_output, batch_first=True)
        mask = (text != 0).unsqueeze(-1)
        mean = (output * mask).sum(dim=1) / lengths.unsqueeze(1)
        return self.fc(torch.cat([hidden[-2], hidden[-1], mean], dim=1)).squeeze(1)


def main() -> list[float]:
    torch.manual_seed(23)
    rng = random.Random(23)
    loader = DataLoader(Brackets(320, rng), batch_size=32, shuffle=True, collate_fn=collate)
    model = Classifier()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.015)
    losses: list[float] = []
    for epoch in range(10):
        total, right = 0.0, 0.0
        for text, lengths, labels in loader:
            optimizer.zero_grad()
            predictions: Tensor = model(text, lengths)
            loss = criterion(predictions, labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(labels)
            right += ((predictions > 0) == (labels > 0.5)).sum().item()
        losses.append(total / 320)
        if epoch % 2 == 1:
            print(f"Epoch: {epoch + 1:02} | Train Loss: {losses[-1]:.3f} | Train Acc: {right / 320:.1%}")
    assert losses[-1] < 0.75 * losses[0]

    model.eval()
    with torch.no_grad():
        text, lengths, _ = collate([("()", True), ("([]())[]", True), ("(]", False)])
        together = model(text, lengths)
        alone = torch.cat([model(text[i : i + 1, :n], lengths[i : i + 1]) for i, n in enumerate(lengths.tolist())])
    assert torch.allclose(together, alone, atol=1e-5), "what stands beside a sequence changes nothing"
    return losses


if __name__ == "__main__":
    main()
