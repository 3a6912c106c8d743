"""Style transfer: a picture is changed until a fixed network sees one's content and another's Gram matrices."""

import tensorgrad as torch
import tensorgrad.nn as nn
import tensorgrad.nn.functional as F
import tensorgrad.optim as optim

SIZE = 20


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    G = torch.mm(features, features.t())
    return G.div(a * b * c * d)


class ContentLoss(nn.Module):
    def __init__(self, target):
        super(ContentLoss, self).__init__()
        self.target = target.detach()

    def forward(self, input):
        self.loss = F.mse_loss(input, self.target)
        return input


class StyleLoss(nn.Module):
    def __init__(self, target_feature):
        super(StyleLoss, self).__init__()
        self.target = gram_matrix(target_feature).detach()

    def forward(self, input):
        self.loss = F.mse_loss(gram_matrix(input), self.target)
        return input


def features():
    """Random filters see edges and textures well enough; nobody learns here."""
    cnn = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1),
    )
    for module in cnn.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.orthogonal_(module.weight, gain=nn.init.calculate_gain("relu"))
            nn.init.zeros_(module.bias)
    return cnn.requires_grad_(False).eval()


def get_style_model_and_losses(
    cnn, style_img, content_img, content_layers=("conv_2",), style_layers=("conv_1", "conv_3")
):
    content_losses, style_losses = [], []
    model = nn.Sequential()
    i = 0
    for layer in cnn.children():
        if isinstance(layer, nn.Conv2d):
            i += 1
            name = "conv_{}".format(i)
        elif isinstance(layer, nn.ReLU):
            name = "relu_{}".format(i)
            layer = nn.ReLU(inplace=False)
        elif isinstance(layer, nn.MaxPool2d):
            name = "pool_{}".format(i)
        else:
            raise TypeError("Unrecognized layer: {}".format(layer.__class__.__name__))
        model.add_module(name, layer)
        if name in content_layers:
            content_loss = ContentLoss(model(content_img))
            model.add_module("content_loss_{}".format(i), content_loss)
            content_losses.append(content_loss)
        if name in style_layers:
            style_loss = StyleLoss(model(style_img))
            model.add_module("style_loss_{}".format(i), style_loss)
            style_losses.append(style_loss)
    return model, style_losses, content_losses


def pictures():
    rows, cols = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    disc = torch.sigmoid(12 * (0.6 - torch.sqrt(rows**2 + cols**2)))
    stripes = 0.5 + 0.5 * torch.sin(14 * (rows + cols))
    content = torch.stack([disc, 0.3 + 0.2 * disc, 1 - disc])
    style = torch.stack([stripes, 1 - stripes, 0.5 * torch.ones_like(stripes)])
    return content.unsqueeze(0), style.unsqueeze(0)


def main():
    torch.manual_seed(15)
    content_img, style_img = pictures()
    model, style_losses, content_losses = get_style_model_and_losses(features(), style_img, content_img)
    input_img = content_img.clone()
    input_img.requires_grad_(True)
    optimizer = optim.Adam([input_img], lr=0.03)
    run = []
    while len(run) < 60:

        def closure():
            with torch.no_grad():
                input_img.clamp_(0, 1)
            optimizer.zero_grad()
            model(input_img)
            style_score = sum(sl.loss for sl in style_losses)
            content_score = sum(cl.loss for cl in content_losses)
            loss = 1e3 * style_score + content_score
            loss.backward()
            run.append(loss.item())
            if len(run) % 20 == 0:
                print(
                    "run {}: Style Loss : {:4f} Content Loss: {:4f}".format(
                        len(run), style_score.item(), content_score.item()
                    )
                )
            return loss

        optimizer.step(closure)
    assert run[-1] < 0.5 * run[0]
    return run


if __name__ == "__main__":
    main()
