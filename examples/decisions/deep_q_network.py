"""Deep Q-learning with a replay memory and a target network: a cart in a valley learns to swing itself out."""

import math
import random
from collections import deque, namedtuple
from itertools import count

import tensorgrad as torch
import tensorgrad.nn as nn
import tensorgrad.nn.functional as F
import tensorgrad.optim as optim

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))

BATCH_SIZE = 32
GAMMA = 0.95
EPS_START, EPS_END, EPS_DECAY = 0.9, 0.05, 150
TAU = 0.05
LR = 5e-3

device = torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")


class ReplayMemory(object):
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        """Save a transition."""
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)

    def __len__(self):
        return len(self.memory)


class Track:
    """Cells 0 to 7 in a row; the way out is at the right end, and a treadmill carries the walker back."""

    n = 8

    def reset(self):
        self.place = random.randrange(self.n - 2)
        return self.observe()

    def observe(self):
        return [math.cos(0.4 * self.place), math.sin(0.4 * self.place), self.place / self.n]

    def step(self, action):
        stay = random.random() < 0.2
        self.place = max(self.place + (0 if stay else 1 if action == 1 else -1), 0)
        terminated = self.place == self.n - 1
        return self.observe(), 1.0 if terminated else -0.1, terminated


class DQN(nn.Module):
    def __init__(self, n_observations, n_actions):
        super(DQN, self).__init__()
        self.layer1 = nn.Linear(n_observations, 24)
        self.layer2 = nn.Linear(24, 24)
        self.layer3 = nn.Linear(24, n_actions)

    def forward(self, x):
        x = F.relu(self.layer1(x))
        x = F.relu(self.layer2(x))
        return self.layer3(x)


def optimize_model(memory, policy_net, target_net, optimizer):
    transitions = memory.sample(BATCH_SIZE)
    batch = Transition(*zip(*transitions))

    non_final_mask = torch.tensor([s is not None for s in batch.next_state], device=device, dtype=torch.bool)
    non_final_next_states = torch.cat([s for s in batch.next_state if s is not None])
    state_batch = torch.cat(batch.state)
    action_batch = torch.cat(batch.action)
    reward_batch = torch.cat(batch.reward)

    state_action_values = policy_net(state_batch).gather(1, action_batch)
    next_state_values = torch.zeros(BATCH_SIZE, device=device)
    with torch.no_grad():
        next_state_values[non_final_mask] = target_net(non_final_next_states).max(1).values
    expected_state_action_values = (next_state_values * GAMMA) + reward_batch

    criterion = nn.SmoothL1Loss()
    loss = criterion(state_action_values, expected_state_action_values.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    return loss.item()


def main():
    random.seed(1)
    torch.manual_seed(1)
    env = Track()
    policy_net, target_net = DQN(3, 2).to(device), DQN(3, 2).to(device)
    target_net.load_state_dict(policy_net.state_dict())
    optimizer = optim.AdamW(policy_net.parameters(), lr=LR, amsgrad=True)
    memory = ReplayMemory(400)
    steps_done, losses, durations = 0, [], []
    for _ in range(25):
        state = torch.tensor(env.reset(), device=device).unsqueeze(0)
        for t in count():
            eps_threshold = EPS_END + (EPS_START - EPS_END) * math.exp(-1.0 * steps_done / EPS_DECAY)
            steps_done += 1
            if random.random() > eps_threshold:
                with torch.no_grad():
                    action = policy_net(state).max(1).indices.view(1, 1)
            else:
                action = torch.tensor([[random.randrange(2)]], device=device, dtype=torch.long)
            observation, reward, terminated = env.step(action.item())
            next_state = None if terminated else torch.tensor(observation, device=device).unsqueeze(0)
            memory.push(state, action, next_state, torch.tensor([reward], device=device))
            state = next_state
            if len(memory) >= BATCH_SIZE:
                losses.append(optimize_model(memory, policy_net, target_net, optimizer))
                target_net_state_dict = target_net.state_dict()
                policy_net_state_dict = policy_net.state_dict()
                for key in policy_net_state_dict:
                    target_net_state_dict[key] = policy_net_state_dict[key] * TAU + target_net_state_dict[key] * (
                        1 - TAU
                    )
                target_net.load_state_dict(target_net_state_dict)
            if terminated or t >= 60:
                durations.append(t + 1)
                break
    print("steps of the episodes:", durations)
    with torch.no_grad():
        greedy = 0
        for _ in range(10):
            state, terminated = env.reset(), False
            while not terminated and greedy < 1000:
                action = policy_net(torch.tensor([state], device=device)).argmax(dim=1).item()
                state, _, terminated = env.step(action)
                greedy += 1
    print(f"without exploring: {greedy / 10} steps")
    assert greedy < 200
    return losses


if __name__ == "__main__":
    main()
