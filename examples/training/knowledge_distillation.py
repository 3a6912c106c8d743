"""Knowledge distillation: a small network learns from the softened answers of a large one, and its hidden layer."""

from pathlib import Path

import numpy as np

import tensorgrad as torch
import tensorgrad.nn as nn
import tensorgrad.optim as optim
from tensorgrad.utils.data import DataLoader, Subset, TensorDataset


class DeepNN(nn.Module):
    def __init__(self, num_classes=10):
        super(DeepNN, self).__init__()
        self.features = nn.Sequential(
            nn.Linear(64, 96),
            nn.ReLU(),
            nn.Linear(96, 32),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(32, num_classes)

    def forward(self, x):
        hidden = self.features(x)
        return self.classifier(hidden), hidden


class LightNN(nn.Module):
    def __init__(self, num_classes=10):
        super(LightNN, self).__init__()
        self.features = nn.Sequential(nn.Linear(64, 16), nn.ReLU())
        self.classifier = nn.Linear(16, num_classes)
        self.regressor = nn.Linear(16, 32)

    def forward(self, x):
        hidden = self.features(x)
        return self.classifier(hidden), self.regressor(hidden)


def train(model, train_loader, epochs, learning_rate):
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    optimizer = optim.Adam(model.parameters(), lr=learning_rate)
    model.train()
    running = []
    for _ in range(epochs):
        running_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            outputs, _ = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        running.append(running_loss / len(train_loader))
    return running


def train_knowledge_distillation(teacher, student, train_loader, epochs, learning_rate, T, soft_weight, hidden_weight):
    ce_loss, cosine_loss = nn.CrossEntropyLoss(), nn.CosineEmbeddingLoss()
    kl_loss = nn.KLDivLoss(reduction="batchmean", log_target=True)
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    teacher.eval()  # Teacher set to evaluation mode
    student.train()
    running = []
    for _ in range(epochs):
        running_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            with torch.no_grad():
                teacher_logits, teacher_hidden = teacher(inputs)
            student_logits, student_hidden = student(inputs)
            soft_targets = nn.functional.log_softmax(teacher_logits / T, dim=-1)
            soft_prob = nn.functional.log_softmax(student_logits / T, dim=-1)
            soft_targets_loss = kl_loss(soft_prob, soft_targets) * T**2
            hidden_loss = cosine_loss(student_hidden, teacher_hidden, target=torch.ones(inputs.size(0)))
            label_loss = ce_loss(student_logits, labels)
            loss = soft_weight * soft_targets_loss + hidden_weight * hidden_loss + (1 - soft_weight) * label_loss
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        running.append(running_loss / len(train_loader))
    return running


@torch.inference_mode()
def test(model, loader):
    model.eval()
    correct = total = 0
    for inputs, labels in loader:
        outputs, _ = model(inputs)
        _, predicted = torch.max(outputs.data, 1)
        total += labels.size(0)
        correct += (predicted == labels).sum().item()
    return 100 * correct / total


def main():
    torch.manual_seed(19)
    with np.load(Path(__file__).parents[2] / "data" / "digits.npz") as file:
        images, labels = file["images"][:1000], file["labels"][:1000]
    x = torch.from_numpy(images).flatten(1) / torch.tensor(16.0)
    dataset = TensorDataset(x, torch.from_numpy(labels).to(torch.int64))
    train_loader = DataLoader(Subset(dataset, range(700)), batch_size=64, shuffle=True)
    test_loader = DataLoader(Subset(dataset, range(700, 1000)), batch_size=100)
    teacher, alone = DeepNN(), LightNN()
    student = LightNN()
    student.load_state_dict(alone.state_dict())
    print("Parameters:", *(f"{sum(p.numel() for p in net.parameters()):,}" for net in (teacher, student)))

    losses = train(teacher, train_loader, epochs=12, learning_rate=3e-3)
    losses += train(alone, train_loader, epochs=8, learning_rate=5e-3)
    losses += train_knowledge_distillation(
        teacher, student, train_loader, epochs=8, learning_rate=5e-3, T=2, soft_weight=0.5, hidden_weight=0.25
    )
    accuracy = [test(net, test_loader) for net in (teacher, alone, student)]
    print("Teacher {:.1f}%, student alone {:.1f}%, student taught {:.1f}%".format(*accuracy))
    assert min(accuracy) > 75
    return losses


if __name__ == "__main__":
    main()
