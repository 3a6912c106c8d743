"""A generative adversarial network with spectral normalisation: noise becomes a slanted cloud of points."""

import tensorgrad as torch
import tensorgrad.nn as nn
import tensorgrad.optim as optim
from tensorgrad.nn.utils.parametrizations import spectral_norm

nz, batch_size = 4, 64


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()
        self.main = nn.Sequential(
            nn.Linear(nz, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(True),
            nn.Linear(32, 32),
            nn.ReLU(True),
            nn.Linear(32, 2),
        )

    def forward(self, input):
        return self.main(input)


class Discriminator(nn.Module):
    def __init__(self):
        super(Discriminator, self).__init__()
        self.main = nn.Sequential(
            spectral_norm(nn.Linear(2, 32)),
            nn.LeakyReLU(0.2, inplace=True),
            spectral_norm(nn.Linear(32, 32)),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(32, 1),
        )

    def forward(self, input):
        return self.main(input).view(-1, 1).squeeze(1)


def weights_init(m):
    """Custom weights initialization called on netG."""
    classname = m.__class__.__name__
    if classname.find("Linear") != -1:
        nn.init.xavier_uniform_(m.weight)
        m.bias.data.fill_(0)
    elif classname.find("BatchNorm") != -1:
        m.weight.data.normal_(1.0, 0.02)
        m.bias.data.fill_(0)


def real_points(n):
    return torch.tensor([2.0, -1.0]) + torch.mm(torch.randn(n, 2), torch.tensor([[0.6, 0.4], [0.0, 0.2]]))


def main():
    torch.manual_seed(24)
    netG, netD = Generator(), Discriminator()
    netG.apply(weights_init)
    criterion = nn.BCEWithLogitsLoss()
    optimizerD = optim.Adam(netD.parameters(), lr=0.01, betas=(0.5, 0.999))
    optimizerG = optim.Adam(netG.parameters(), lr=0.003, betas=(0.5, 0.999))
    fixed_noise = torch.randn(200, nz)
    real_label, fake_label = 1.0, 0.0

    def distance():
        netG.eval()
        with torch.no_grad():
            fake, real = netG(fixed_noise), real_points(1000)
        netG.train()
        return ((fake.mean(0) - real.mean(0)).norm() + (fake.T.cov() - real.T.cov()).norm()).item()

    distances, losses = [distance()], []
    for i in range(100):
        # Update D network: maximize log(D(x)) + log(1 - D(G(z)))
        netD.zero_grad()
        real = real_points(batch_size)
        label = torch.full((batch_size,), real_label)
        errD_real = criterion(netD(real), label)
        errD_real.backward()
        fake = netG(torch.randn(batch_size, nz))
        label.fill_(fake_label)
        errD_fake = criterion(netD(fake.detach()), label)
        errD_fake.backward()
        optimizerD.step()
        # Update G network: maximize log(D(G(z)))
        netG.zero_grad()
        label.fill_(real_label)  # fake labels are real for generator cost
        errG = criterion(netD(fake), label)
        errG.backward()
        optimizerG.step()
        losses += [(errD_real + errD_fake).item(), errG.item()]
        if i % 25 == 24:
            distances.append(distance())
            print("[%d/100] Loss_D: %.4f Loss_G: %.4f distance: %.3f" % (i + 1, *losses[-2:], distances[-1]))
    netD.eval()
    with torch.no_grad():
        steepest = max(torch.linalg.matrix_norm(layer.weight, 2).item() for layer in netD.main[:4:2])
    print(f"largest singular value of the first layers of D: {steepest:.3f}")
    assert steepest < 1.5, "without the norm it grows"
    assert distances[-1] < 0.75 * distances[0]
    return [distances[0], *losses, distances[-1]]


if __name__ == "__main__":
    main()
