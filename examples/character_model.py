"""A character model with an embedding and BatchNorm: invented names, after Bengio et al. 2003."""

import tensorgrad as torch
import tensorgrad.nn.functional as F
from tensorgrad import nn

NAMES = """emma olivia ava isabella sophia charlotte mia amelia harper evelyn abigail emily elizabeth mila ella
avery sofia camila aria scarlett victoria madison luna grace chloe penelope layla riley zoey nora lily
eleanor hannah lillian addison aubrey ellie stella natalie zoe leah hazel violet aurora savannah audrey
brooklyn bella claire skylar paisley everly anna caroline nova genesis emilia kennedy samantha maya
willow kinsley naomi aaliyah elena sarah ariana liam noah oliver elijah william james benjamin lucas
henry alexander mason michael ethan daniel jacob logan jackson levi sebastian mateo jack owen theodore
aiden samuel joseph john david wyatt matthew luke asher carter julian grayson leo jayden gabriel isaac
lincoln anthony hudson dylan ezra thomas charles christopher jaxon maverick josiah isaiah andrew elias
joshua nathan caleb ryan adrian miles eli nolan christian aaron cameron ezekiel colton luca landon""".split()

BLOCK = 3
chars = sorted(set("".join(NAMES)))
stoi = {s: i + 1 for i, s in enumerate(chars)} | {".": 0}
itos = {i: s for s, i in stoi.items()}


def dataset(words):
    contexts, targets = [], []
    for word in words:
        context = [0] * BLOCK
        for ch in word + ".":
            contexts.append(context)
            targets.append(stoi[ch])
            context = context[1:] + [stoi[ch]]
    return torch.tensor(contexts), torch.tensor(targets)


def network(size=8, hidden=64):
    net = nn.Sequential(
        nn.Embedding(len(stoi), size),
        nn.Flatten(),
        nn.Linear(size * BLOCK, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.Tanh(),
        nn.Linear(hidden, len(stoi)),
    )
    with torch.no_grad():
        net[-1].weight *= 0.1  # unsure at the start
    return net


@torch.no_grad()
def sample(net, count):
    net.eval()
    words = []
    for _ in range(count):
        context, word = [0] * BLOCK, ""
        while len(word) < 20:
            probs = F.softmax(net(torch.tensor([context])), dim=1)
            index = torch.multinomial(probs, num_samples=1).item()
            if index == 0:
                break
            context = context[1:] + [index]
            word += itos[index]
        words.append(word)
    return words


def main():
    torch.manual_seed(2147483647)
    x, y = dataset(NAMES)
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[250], gamma=0.1)
    losses = []
    for step in range(300):
        batch = torch.randint(0, x.shape[0], (32,))
        loss = F.cross_entropy(net(x[batch]), y[batch])
        for p in net.parameters():
            p.grad = None
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 100 == 99:
            print(f"{step + 1:5d}: {sum(losses[-100:]) / 100:.4f}")
    print(", ".join(sample(net, 5)))
    return losses


if __name__ == "__main__":
    main()
