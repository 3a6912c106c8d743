"""REINFORCE: a policy learns to walk through a small world of cells, from nothing but the rewards of whole episodes."""

import random
from collections import deque

import tensorgrad as torch
import tensorgrad.nn as nn
import tensorgrad.nn.functional as F
import tensorgrad.optim as optim
from tensorgrad.distributions import Categorical


class GridWorld:
    """Four by four cells: a goal in the far corner, a cost for each step, wind that blows aside now and then."""

    moves = ((-1, 0), (1, 0), (0, -1), (0, 1))

    def __init__(self, size=4, wind=0.1):
        self.size, self.wind = size, wind

    def reset(self):
        self.row, self.col, self.steps = 0, 0, 0
        return self.state()

    def state(self):
        return [float(cell == self.row * self.size + self.col) for cell in range(self.size**2)]

    def step(self, action):
        if random.random() < self.wind:
            action = random.randrange(4)
        dr, dc = self.moves[action]
        self.row = min(max(self.row + dr, 0), self.size - 1)
        self.col = min(max(self.col + dc, 0), self.size - 1)
        self.steps += 1
        done = self.row == self.col == self.size - 1
        return self.state(), 1.0 if done else -0.05, done or self.steps >= 40


class Policy(nn.Module):
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(16, 32)
        self.affine2 = nn.Linear(32, 4)

        self.saved_log_probs = []
        self.rewards = []

    def forward(self, x):
        x = torch.tanh(self.affine1(x))
        action_scores = self.affine2(x)
        return F.softmax(action_scores, dim=1)

    def select_action(self, state):
        state = torch.tensor(state).unsqueeze(0)
        m = Categorical(self(state))
        action = m.sample()
        self.saved_log_probs.append(m.log_prob(action))
        return action.item()


def finish_episode(policy, optimizer, gamma=0.97):
    R = 0
    returns = deque()
    for r in policy.rewards[::-1]:
        R = r + gamma * R
        returns.appendleft(R)
    returns = torch.tensor(returns)
    advantages = returns - finish_episode.baseline
    finish_episode.baseline += 0.05 * (returns[0].item() - finish_episode.baseline)
    policy_loss = [-log_prob * R for log_prob, R in zip(policy.saved_log_probs, advantages)]
    optimizer.zero_grad()
    loss = torch.cat(policy_loss).sum()
    loss.backward()
    optimizer.step()
    del policy.rewards[:]
    del policy.saved_log_probs[:]
    return loss.item()


def main():
    random.seed(3)
    torch.manual_seed(3)
    finish_episode.baseline = 0.0
    env, policy = GridWorld(), Policy()
    optimizer = optim.Adam(policy.parameters(), lr=2e-2)
    missed, losses = [], []
    for i_episode in range(60):
        state, done, ep_reward = env.reset(), False, 0.0
        while not done:
            state, reward, done = env.step(policy.select_action(state))
            policy.rewards.append(reward)
            ep_reward += reward
        losses.append(finish_episode(policy, optimizer))
        missed.append(1.0 - ep_reward)
        if i_episode % 20 == 19:
            print("Episode {}\tAverage reward: {:.2f}".format(i_episode + 1, 1 - sum(missed[-20:]) / 20))
    first, last = sum(missed[:20]) / 20, sum(missed[-20:]) / 20
    assert last < 0.8 * first
    return [first, *losses, last]


if __name__ == "__main__":
    main()
