"""CTC on toy handwriting: a stream of noisy strokes of unknown lengths is read as a text, without an alignment."""

import random

import tensorgrad as torch
import tensorgrad.nn as nn
from tensorgrad.optim import Adam

ALPHABET = "-abcd"  # the blank is 0
FEATURES = 6


def write(text, patterns, rng):
    """Each letter is a pattern for one to three frames, with a pause after it now and then, in noise."""
    frames = []
    for letter in text:
        frames += [patterns[ALPHABET.index(letter)]] * rng.randint(1, 3)
        frames += [patterns[0]] * rng.randint(1, 2)
    stream = torch.stack(frames)
    return stream + 0.2 * torch.randn_like(stream)


def make_batch(n, patterns, rng):
    texts = ["".join(rng.choice(ALPHABET[1:]) for _ in range(rng.randint(2, 5))) for _ in range(n)]
    streams = [write(text, patterns, rng) for text in texts]
    inputs = nn.utils.rnn.pad_sequence(streams)
    targets = torch.tensor([ALPHABET.index(c) for text in texts for c in text])
    input_lengths = torch.tensor([len(stream) for stream in streams])
    target_lengths = torch.tensor([len(text) for text in texts])
    return texts, inputs, targets, input_lengths, target_lengths


class Reader(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.rnn = nn.GRU(FEATURES, hidden, bidirectional=True)
        self.head = nn.Sequential(nn.Linear(2 * hidden, len(ALPHABET)), nn.LogSoftmax(dim=-1))

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.head(y)


def greedy_decode(log_probs, lengths):
    texts = []
    for path, length in zip(log_probs.argmax(dim=-1).T, lengths):
        merged = torch.unique_consecutive(path[:length])
        texts.append("".join(ALPHABET[i] for i in merged.tolist() if i != 0))
    return texts


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def main():
    torch.manual_seed(25)
    rng = random.Random(25)
    patterns = torch.randn(len(ALPHABET), FEATURES)
    model = Reader()
    ctc_loss = nn.CTCLoss(blank=0, zero_infinity=True)
    optimizer = Adam(model.parameters(), lr=0.02)
    losses = []
    for step in range(60):
        _, inputs, targets, input_lengths, target_lengths = make_batch(16, patterns, rng)
        loss = ctc_loss(model(inputs), targets, input_lengths, target_lengths)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 19:
            print(f"step {step + 1}: {loss.item():.4f}")

    with torch.no_grad():
        texts, inputs, targets, input_lengths, target_lengths = make_batch(30, patterns, rng)
        log_probs = model(inputs)
        read = greedy_decode(log_probs, input_lengths)
        one = ctc_loss(log_probs[: input_lengths[0], 0], targets[: len(texts[0])], input_lengths[0], target_lengths[0])
    wrong = sum(edit_distance(a, b) for a, b in zip(texts, read)) / len("".join(texts))
    print(f"letters wrong: {wrong:.1%}; {texts[0]!r} is read {read[0]!r}, loss {one.item():.4f}")
    assert wrong < 0.35
    return losses


if __name__ == "__main__":
    main()
