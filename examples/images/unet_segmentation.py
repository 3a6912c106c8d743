"""A U-Net finds discs among squares, pixel by pixel; its loss is cross entropy and Dice."""

from __future__ import annotations

import tensorgrad as torch
import tensorgrad.nn.functional as F
from tensorgrad import Tensor, nn

SIZE = 16


class DoubleConv(nn.Sequential):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels, momentum=0.3),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels, momentum=0.3),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    def __init__(self, base: int = 8) -> None:
        super().__init__()
        self.inc = DoubleConv(1, base)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(base, 2 * base))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(2 * base, 2 * base))
        self.up = nn.ConvTranspose2d(2 * base, 2 * base, kernel_size=2, stride=2)
        self.conv1 = DoubleConv(4 * base, base)
        self.conv2 = DoubleConv(2 * base, base)
        self.outc = nn.Conv2d(base, 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x1: Tensor = self.inc(x)
        x2: Tensor = self.down1(x1)
        x3: Tensor = self.down2(x2)
        y: Tensor = self.conv1(torch.cat([x2, self.up(x3)], dim=1))
        y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)
        return self.outc(self.conv2(torch.cat([x1, y], dim=1)))


def scenes(n: int) -> tuple[Tensor, Tensor]:
    """One disc, which is asked for, and one square, which is not, in noise."""
    rows = torch.arange(SIZE).view(1, SIZE, 1)
    cols = torch.arange(SIZE).view(1, 1, SIZE)
    place = torch.randint(4, SIZE - 4, (4, n, 1, 1))
    disc = (rows - place[0]) ** 2 + (cols - place[1]) ** 2 <= 9
    square = ((rows - place[2]).abs() <= 2) & ((cols - place[3]).abs() <= 2)
    noise = 0.1 * torch.randn(n, SIZE, SIZE)
    images = (disc | square).to(noise.dtype) + noise
    return images.unsqueeze(1), disc.to(noise.dtype).unsqueeze(1)


def dice_loss(logits: Tensor, masks: Tensor, smooth: float = 1.0) -> Tensor:
    p = torch.sigmoid(logits).flatten(1)
    m = masks.flatten(1)
    overlap = (p * m).sum(dim=1)
    return 1 - ((2 * overlap + smooth) / (p.sum(dim=1) + m.sum(dim=1) + smooth)).mean()


def main() -> list[float]:
    torch.manual_seed(20)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses: list[float] = []
    for step in range(45):
        images, masks = scenes(12)
        logits: Tensor = model(images)
        loss = F.binary_cross_entropy_with_logits(logits, masks) + dice_loss(logits, masks)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 15 == 14:
            print(f"step {step + 1}: loss {loss.item():.4f}")

    model.eval()
    with torch.inference_mode():
        images, masks = scenes(20)
        found = model(images) > 0
        truth = masks > 0.5
        iou = ((found & truth).sum() / (found | truth).sum()).item()
    print(f"intersection over union: {iou:.3f}")
    assert losses[-1] < 0.6 * losses[0]
    assert iou > 0.4
    return losses


if __name__ == "__main__":
    main()
