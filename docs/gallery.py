"""Draws the pictures of the gallery into the working folder; its cells are the snippets of docs/gallery.md.

A drawing tells numbers in four digits, and must tell the same on every machine, although the last bit of a product, a
sum or a logarithm depends on the processor. So everything starts from numbers with few binary digits, of which products
and sums are exact in any order; what is divided and rooted after that is float64, twelve digits from what is told; and
nothing is shown that rounding alone makes, as is the gradient of a bias that BatchNorm takes away again.
`tests/lastbit.py` puts it to the test.
"""

# %%
import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.graph import Graph


def normals(*shape, seed=0, requires_grad=True):
    """Return standard normal numbers in eighths."""
    drawn = np.random.default_rng(seed).standard_normal(shape)
    return tg.tensor(np.round(8 * drawn) / 8, requires_grad=requires_grad)


def exact(module):
    """Return `module` in float64, its parameters in 128ths."""
    with tg.no_grad():
        for p in module.double().parameters():
            p.copy_((128 * p).round() / 128)
    return module


x, dout = normals(7, 3), normals(7, 3, seed=1)
letters = {7: "N", 3: "D"}  # the lengths of axes, as they are told

# %% figure-6-17-book: Figure 6-17 in the look of a book, for a column of 340 points: no text is below 8.
batchnorm = nn.BatchNorm1d(3).double()
drawing = viz.draw(batchnorm, x, seed=dout, dims=letters, theme="book", width="340pt", fontsize=8)
drawing.save("figure-6-17-book.svg")

# %% figure-6-17: The same with its names, our default: the value on the black arrow, its gradient on the red.
viz.draw(batchnorm, x, seed=dout, dims=letters).save("figure-6-17.svg")

# %% values: With numbers: in a circle its value and the total of its gradient, on an arrow a part of one.
a, b, c = (tg.tensor(value, dtype=tg.float64, requires_grad=True) for value in (2.0, -3.0, 10.0))
viz.draw(lambda a, b, c: (a * b + c) * a, a, b, c, labels="values").save("values.svg")

# %% formulas: With formulas: how each value and gradient is computed, read from the recorded backward pass.
viz.draw(batchnorm, x, seed=dout, dims=letters, labels="formulas").save("formulas.svg")


# %% variables: A function without any names, drawn with those of its variables.
def by_hand(x, gamma, beta):
    mu = x.mean(0)
    xmu = x - mu
    var = (xmu**2).mean(0)
    xhat = xmu / (var + 1e-5).sqrt()
    return gamma * xhat + beta


gamma, beta = normals(3, seed=2), normals(3, seed=3)
viz.draw(by_hand, x, gamma, beta, names="variables", seed=dout, dims=letters).save("variables.svg")

# %% dropout: Dropout: the mask is a factor on both ways.
tg.manual_seed(0)
viz.draw(nn.Dropout(0.5), x, seed=dout, dims=letters).save("dropout.svg")


# %% network-folded: The chapter's network, its layers as boxes.
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(64, 100, bias=False), nn.BatchNorm1d(100)
        self.fc2, self.bn2, self.drop = nn.Linear(100, 100, bias=False), nn.BatchNorm1d(100), nn.Dropout(0.5)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, x):
        x = self.bn1(self.fc1(x)).relu()
        return self.fc3(self.drop(self.bn2(self.fc2(x)).relu()))


images, dscores = normals(32, 64, requires_grad=False), normals(32, 10, seed=3)
tg.manual_seed(0)
net = exact(Net())
viz.draw(net, images, seed=dscores, dims={32: "N"}, depth=1, labels="shapes").save("network-folded.svg")

# %% network-one-open: One layer open.
drawing = viz.draw(net, images, seed=dscores, dims={32: "N"}, collapse=["Linear", "bn2", "drop"])
drawing.save("network-one-open.svg")

# %% network-open: All layers open.
viz.draw(net, images, seed=dscores, dims={32: "N"}).save("network-open.svg")


# %% functions: Functions of the library: one box each where a picture is large.
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x, t):
        return nn.functional.cross_entropy(self.fc2(nn.functional.gelu(self.fc1(x))), t)


tg.manual_seed(0)
classifier = exact(Classifier())
points, labels = normals(5, 4, requires_grad=False), tg.tensor([0, 2, 1, 1, 0])
viz.draw(classifier, points, labels, dims={5: "N"}).save("functions.svg")

# %% functions-unfolded: One of them open.
viz.draw(classifier, points, labels, dims={5: "N"}, unfold="gelu").save("functions-unfolded.svg")


# %% decided: What Python read is marked with its line: from there on it is a number of this run.
def scaled(x):
    size = (x**2).sum().item()
    if size > 1:
        x = x / size
    return x.sum()


viz.draw(scaled, tg.tensor([1.125, -0.625, 0.875], dtype=tg.float64, requires_grad=True)).save("decided.svg")

# %% blocks: Equal blocks that follow one another, closed.
tg.manual_seed(0)
blocks = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(5)]
deep = exact(nn.Sequential(nn.Linear(4, 8), *blocks, nn.Linear(8, 2)))
viz.draw(deep, normals(3, 4), depth=1).save("blocks.svg")

# %% backward: The backward pass as a graph of its own: what it reads of the forward pass is black.
viz.draw(by_hand, x, gamma, beta, names="variables", seed=dout, dims=letters, order=1).save("backward.svg")

# %% double-backward: A double-backward graph: the second derivative of x³, whose gradient is 3x².
viz.draw(lambda x: (x**3).sum(), normals(3), order=2).save("double-backward.svg")

# %% training: Through a training: opened on its own, a slider shows the numbers of each step.
# Numbers of many digits, of which none is half-way between two that are told, and none is nothing by cancellation.
u = tg.tensor([0.3117, 1.1291, 2.0713, 2.9731], dtype=tg.float64)
t = tg.tensor([1.0719, 1.2853, 2.7179, 2.1937], dtype=tg.float64)
w, b = (tg.tensor(value, dtype=tg.float64, requires_grad=True) for value in (-0.5317, 1.9743))
optimizer, steps = optim.SGD([w, b], lr=0.125), {}
for step in range(5):
    loss = ((w * u + b - t) ** 2).mean()
    steps[step] = viz.draw(loss, names="variables", labels="values")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
viz.film(steps).save("training.svg")


# %% not-a-number: The first number that is not finite is marked, and so is all that it spoils.
def loss_of_logarithms(x):
    y = (x - 1).log()
    return (y * y).mean()


with np.errstate(invalid="ignore"):
    drawing = viz.draw(loss_of_logarithms, tg.tensor([0.5, 2.0, 3.0], dtype=tg.float64, requires_grad=True))
drawing.save("not-a-number.svg")

# %% failure: After an error: what had been recorded, and the operation that failed.
tg.manual_seed(0)
misfit = exact(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(4, 2)))
try:
    viz.draw(misfit, normals(5, 4))
except tg.errors.ShapeError as error:
    viz.draw(error).save("failure.svg")


# %% text: The same as text
graph = Graph.trace(nn.BatchNorm1d(3).double(), x)
print(graph.backward().text())

# %% source: The same as NumPy source
source = graph.to_python()


# %% live-neuron: A live picture: opened on its own, change an input, a weight, the bias; all else follows.
def neuron(x, w, b):
    return tg.sigmoid((x * w).sum() + b)


x2, w2 = tg.tensor([1.0, -2.0], dtype=tg.float64), normals(2, seed=4)
viz.draw(neuron, x2, w2, normals(seed=5), live=True).save("live-neuron.svg")

# %% live-softmax: Softmax and cross entropy, alive: which score is pushed which way, and for which label.
scores = tg.tensor([1.0, 2.0, 0.5], dtype=tg.float64, requires_grad=True)


def loss_of(scores, label):
    return -(label * scores.log_softmax(0)).sum()


label = tg.tensor([0.0, 1.0, 0.0], dtype=tg.float64)
viz.draw(loss_of, scores, label, live=True).save("live-softmax.svg")

# %% live-batchnorm: Figure 6-17, alive: move one x and see dx of all; γ, β and ε as well.
viz.draw(batchnorm, x, seed=dout, dims=letters, live=True).save("live-batchnorm.svg")

# %% live-dropout: Dropout with the mask that was drawn, alive: no gradient comes to what it took away.
tg.manual_seed(0)
viz.draw(nn.Dropout(0.5), normals(6, seed=6), seed=normals(6, seed=7), live=True).save("live-dropout.svg")


# %% live-sgd: One step of SGD on the function of figure 6-2, alive: with a slider for the rate.
def gradient(p):
    loss = p[0] ** 2 / 20 + p[1] ** 2
    return tg.autograd.grad(loss, p)[0]


def sgd(p, rate):
    g = gradient(p)
    return p - rate * g


def start():
    return tg.tensor([-7.0, 2.0], dtype=tg.float64, requires_grad=True)


rate, rates = tg.tensor(0.5, dtype=tg.float64), {"rate": (0.001, 1.5)}
viz.draw(sgd, start(), rate, names="variables", live=rates).save("live-sgd.svg")


# %% live-momentum: One step of Momentum.
def momentum(p, v, rate):
    g = gradient(p)
    v_new = 0.9 * v - rate * g
    return p + v_new


v = tg.tensor([0.5, -1.0], dtype=tg.float64)
viz.draw(momentum, start(), v, rate, names="variables", live=rates).save("live-momentum.svg")


# %% live-adagrad: One step of AdaGrad.
def adagrad(p, h, rate):
    g = gradient(p)
    h_new = h + g * g
    return p - rate * g / h_new.sqrt()


h = tg.tensor([0.25, 1.0], dtype=tg.float64)
viz.draw(adagrad, start(), h, rate, names="variables", live=rates).save("live-adagrad.svg")


# %% live-adam: The first step of Adam.
def adam(p, m, v, rate):
    g = gradient(p)
    m_new = m + 0.125 * (g - m)
    v_new = v + 0.125 * (g * g - v)
    return p - rate * (m_new / 0.125) / (v_new / 0.125).sqrt()


zeros = tg.zeros(2, dtype=tg.float64)
viz.draw(adam, start(), zeros, zeros.clone(), rate, names="variables", live=rates).save("live-adam.svg")

# %% live-initial: Five layers of relu, alive: with a gain of 1 (Xavier) activations die away, with √2 (He) not.
weights = [normals(8, 8, seed=10 + i, requires_grad=False) for i in range(5)]


def five_layers(x, gain):
    std = gain * 8**-0.5
    for w in weights:
        x = (x @ w * std).relu()
    return x


gains = {"gain": (0.5, 2.5)}
batch = normals(4, 8, seed=9, requires_grad=False)
viz.draw(five_layers, batch, tg.tensor(1.0, dtype=tg.float64), grads=False, live=gains).save("live-initial.svg")
