"""Sequence to sequence with additive attention: a GRU reads a date, another writes it the short way."""

import random

import tensorgrad as torch
import tensorgrad.nn as nn
import tensorgrad.nn.functional as F
from tensorgrad import optim

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
SOS_token, EOS_token = 0, 1
IN_CHARS = " 0123456789abcdefghijklmnopqrstuvwxyz"
OUT_CHARS = "0123456789-"
HIDDEN = 32


def make_pair(rng):
    day, month = rng.randint(1, 28), rng.randrange(12)
    source = f"{day:02d} {MONTHS[month]}"
    return source, f"{month + 1:02d}-{day:02d}"


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(EncoderRNN, self).__init__()
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)

    def forward(self, input):
        return self.gru(self.embedding(input))


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super(BahdanauAttention, self).__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys)))
        scores = scores.squeeze(2).unsqueeze(1)
        weights = F.softmax(scores, dim=-1)
        context = torch.bmm(weights, keys)
        return context, weights


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super(AttnDecoderRNN, self).__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRU(2 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, encoder_outputs, encoder_hidden, length, target_tensor=None):
        batch_size = encoder_outputs.size(0)
        decoder_input = torch.empty(batch_size, 1, dtype=torch.long).fill_(SOS_token)
        decoder_hidden = encoder_hidden
        decoder_outputs, attentions = [], []
        for i in range(length):
            decoder_output, decoder_hidden, attn_weights = self.forward_step(
                decoder_input, decoder_hidden, encoder_outputs
            )
            decoder_outputs.append(decoder_output)
            attentions.append(attn_weights)
            if target_tensor is not None:
                decoder_input = target_tensor[:, i].unsqueeze(1)  # Teacher forcing
            else:
                _, topi = decoder_output.topk(1)
                decoder_input = topi.squeeze(-1).detach()
        decoder_outputs = F.log_softmax(torch.cat(decoder_outputs, dim=1), dim=-1)
        return decoder_outputs, decoder_hidden, torch.cat(attentions, dim=1)

    def forward_step(self, input, hidden, encoder_outputs):
        embedded = self.embedding(input)
        query = hidden.permute(1, 0, 2)
        context, attn_weights = self.attention(query, encoder_outputs)
        output, hidden = self.gru(torch.cat((embedded, context), dim=2), hidden)
        return self.out(output), hidden, attn_weights


def tensors(pairs):
    source = torch.tensor([[IN_CHARS.index(c) for c in a] for a, _ in pairs])
    target = torch.tensor([[OUT_CHARS.index(c) + 2 for c in b] + [EOS_token] for _, b in pairs])
    return source, target


def main():
    torch.manual_seed(10)
    rng = random.Random(10)
    encoder, decoder = EncoderRNN(len(IN_CHARS), HIDDEN), AttnDecoderRNN(HIDDEN, len(OUT_CHARS) + 2)
    encoder_optimizer = optim.Adam(encoder.parameters(), lr=0.02)
    decoder_optimizer = optim.Adam(decoder.parameters(), lr=0.02)
    criterion = nn.NLLLoss()
    losses = []
    for iteration in range(60):
        source, target = tensors([make_pair(rng) for _ in range(16)])
        encoder_optimizer.zero_grad()
        decoder_optimizer.zero_grad()
        outputs, hidden = encoder(source)
        forced = target if rng.random() < 0.8 else None
        decoder_outputs, _, _ = decoder(outputs, hidden, target.size(1), forced)
        loss = criterion(decoder_outputs.view(-1, decoder_outputs.size(-1)), target.view(-1))
        loss.backward()
        encoder_optimizer.step()
        decoder_optimizer.step()
        losses.append(loss.item())
        if iteration % 20 == 19:
            print(f"{iteration + 1:4d} {loss.item():.4f}")

    encoder.eval()
    decoder.eval()
    with torch.no_grad():
        pairs = [make_pair(rng) for _ in range(40)]
        source, target = tensors(pairs)
        outputs, hidden = encoder(source)
        written, _, attentions = decoder(outputs, hidden, target.size(1))
        letters = (written.argmax(-1) == target).sum().item() / target.numel()
    print(f"{letters:.0%} of the letters are right; {pairs[0][0]!r} reads", attentions[0].argmax(-1).tolist())
    assert letters > 0.7
    return losses


if __name__ == "__main__":
    main()
