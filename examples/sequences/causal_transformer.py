"""A causal language model of nn.TransformerEncoder: masks for the future and for padding, sines for positions."""

import math

import tensorgrad as torch
from tensorgrad import nn

PAD, BOS = 0, 1


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=64):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        x = x + self.pe[: x.size(0)]
        return self.dropout(x)


class TransformerModel(nn.Module):
    def __init__(self, ntoken, d_model=32, nhead=4, d_hid=64, nlayers=2):
        super().__init__()
        self.model_type = "Transformer"
        self.pos_encoder = PositionalEncoding(d_model)
        self.embedding = nn.Embedding(ntoken, d_model, padding_idx=PAD)
        encoder_layers = nn.TransformerEncoderLayer(d_model, nhead, d_hid, dropout=0.0, norm_first=True)
        self.transformer_encoder = nn.TransformerEncoder(encoder_layers, nlayers, enable_nested_tensor=False)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)
        self.init_weights()

    def init_weights(self):
        initrange = 0.1
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.linear.bias.data.zero_()
        self.linear.weight.data.uniform_(-initrange, initrange)

    def forward(self, src):
        """From tokens of shape ``[seq_len, batch_size]`` to scores ``[seq_len, batch_size, ntoken]``."""
        mask = torch.triu(torch.ones(len(src), len(src), dtype=torch.bool), diagonal=1)
        x = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        x = self.transformer_encoder(x, mask=mask, src_key_padding_mask=(src == PAD).T)
        return self.linear(x)


def counting(n, longest=12):
    """Sequences that count on by a step of one to three within ten tokens, of different lengths, padded."""
    starts, steps = torch.randint(0, 10, (n,)), torch.randint(1, 4, (n,))
    lengths = torch.randint(6, longest + 1, (n,))
    rows = []
    for start, step, length in zip(starts.tolist(), steps.tolist(), lengths.tolist()):
        rows.append(torch.tensor([BOS] + [2 + (start + i * step) % 10 for i in range(length)]))
    return nn.utils.rnn.pad_sequence(rows, padding_value=PAD)


def main():
    torch.manual_seed(12)
    model = TransformerModel(ntoken=12)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3, betas=(0.9, 0.98))
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.98)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[10])
    losses = []
    model.train()
    for batch in range(45):
        data = counting(16)
        output = model(data[:-1])
        loss = criterion(output.reshape(-1, 12), data[1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if batch % 15 == 14:
            print(f"| batch {batch + 1:3d} | lr {scheduler.get_last_lr()[0]:.2e} | ppl {math.exp(loss.item()):5.2f}")

    model.eval()
    with torch.no_grad():
        text = torch.tensor([[BOS], [4], [6], [8]])
        for _ in range(6):
            text = torch.cat([text, model(text)[-1:].argmax(dim=-1)])
        val = counting(64)
        val_loss = criterion(model(val[:-1]).reshape(-1, 12), val[1:].reshape(-1)).item()
    print("continued:", text[1:, 0].tolist(), f"validation loss {val_loss:.3f}")
    assert val_loss < 1.2, "after two numbers, the rest is known: the first two cost about 0.4 on average"
    return [*losses, val_loss]


if __name__ == "__main__":
    main()
