"""What each paper says, and the bar that its experiment is held to: one table, fixed before the first run.

A bar is never changed after a run; an experiment that misses its bar is reported as one that does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from tensorgrad.chapter6.forked import side_by_side
from tensorgrad.chapter6.run import Run, Words
from tensorgrad.random import manual_seed

T = TypeVar("T")


@dataclass(frozen=True)
class Paper:
    """A paper: where it says what, the bar, and what is smaller here than there.

    `at` are the numbers of the bar by name, which the text of the bar and the experiment both take from here; `seeds`
    says that the experiment is made with the seeds 0 to ``seeds - 1``.
    """

    source: str
    claim: Words
    bar: Words
    smaller: Words
    seeds: int
    at: dict[str, float]

    def bar_in(self, language: str) -> str:
        """Return the bar as a text in the language "en" or "zh"."""
        text: str = getattr(self.bar, language)
        return text.format(seeds=self.seeds, **self.at)


PAPERS: dict[str, Paper] = {
    "glorot": Paper(
        "Glorot and Bengio 2010, 4.2.1",
        Words(
            "With the normalised initialisation the mean singular value of the layers' Jacobians is around 0.8; with "
            "the standard one it drops down to 0.5.",
            "采用归一化初始化时，各层雅可比矩阵的平均奇异值约为0.8；采用标准初始化时降到0.5。",
        ),
        Words(
            "{seeds} seeds: the mean is between {normalised_low} and {normalised_high} normalised, between "
            "{standard_low} and {standard_high} standard; with the standard one the gradient shrinks from layer to "
            "layer by √3, within {ratio_within:.0%}",
            "{seeds} 个种子：归一化时平均值在 {normalised_low} 与 {normalised_high} 之间，标准时在 {standard_low} 与 "
            "{standard_high} 之间；标准初始化下梯度逐层缩小 √3 倍，误差在 {ratio_within:.0%} 以内",
        ),
        Words(
            "Five layers of 1,000 tanh units at their start, as in the paper; the Jacobians of a few images, not of "
            "all. The paper's error rates after 5 million updates are not repeated.",
            "与论文相同：五层、每层1000个tanh单元，只看初始状态；只对少数图像求雅可比矩阵。"
            "没有重复论文中五百万次更新之后的错误率。",
        ),
        3,
        {
            "normalised_low": 0.75,
            "normalised_high": 0.85,
            "standard_low": 0.45,
            "standard_high": 0.52,
            "ratio": math.sqrt(3),
            "ratio_within": 0.05,
        },
    ),
    "he": Paper(
        "He et al. 2015, figures 2 and 3",
        Words(
            "A network of 30 layers with ReLU learns from He's initial values and stalls from Xavier's; one of 22 "
            "layers learns from both.",
            "30层的ReLU网络使用He初始值可以收敛，使用Xavier初始值则完全停滞；22层时两者都能学习。",
        ),
        Words(
            "{seeds} seeds: with 30 layers of 100 units Xavier's loss stays within {chance_within} of log 10 and He's "
            "falls below half of it, with 22 layers both fall below half; the forward signal halves per layer under "
            "Xavier, within {halving_within:.0%}",
            "{seeds} 个种子：30层、每层100个单元时，Xavier的损失与 log 10 相差不到 {chance_within}，"
            "He的损失降到一半以下；22层时两者都降到一半以下；"
            "Xavier下前向信号逐层减半，误差在 {halving_within:.0%} 以内",
        ),
        Words(
            "Fully connected layers on MNIST in place of convolutions on ImageNet, minutes in place of weeks on "
            "several GPUs: the top-5 error of 4.94 % cannot be had here.",
            "以MNIST上的全连接层代替ImageNet上的卷积层，以几分钟代替多块GPU上的数周：这里无法得到4.94%的top-5错误率。",
        ),
        3,
        {"deep": 30, "less": 22, "chance_within": 0.02, "halving_within": 0.2},
    ),
    "ioffe": Paper(
        "Ioffe and Szegedy 2015, 4.1",
        Words(
            "With BatchNorm a network trains faster, and the percentiles of a typical input to its last hidden layer "
            "stay stable.",
            "使用Batch Norm的网络训练得更快，最后一个隐藏层典型输入的百分位数保持稳定。",
        ),
        Words(
            "{seeds} seeds: at least {times:g} times fewer steps to {accuracy:.0%} of the test images; without "
            "BatchNorm the percentiles drift more",
            "{seeds} 个种子：达到测试精度 {accuracy:.0%} 所需步数至少少到 {times:g} 分之一；"
            "不使用Batch Norm时百分位数漂移更大",
        ),
        Words(
            "The network of the paper's section 4.1. The 14 times fewer steps are those of Inception on ImageNet (1.2 "
            "million images, some 10^18 multiplications for a run): on two cores that is years, and no small network "
            "stands in for it.",
            "这是论文4.1节的网络。“少14倍步数”是Inception在ImageNet上的结果（120万张图像，一次训练约需10^18次乘法）："
            "在两个核心上需要数年，任何小网络都不能代替。",
        ),
        3,
        {"times": 4.0, "accuracy": 0.9},
    ),
    "kingma": Paper(
        "Kingma and Ba 2014, 6.1",
        Words(
            "In logistic regression Adam converges like SGD with Nesterov momentum, and both faster than AdaGrad.",
            "在逻辑回归中，Adam的收敛与带Nesterov动量的SGD相近，二者都比AdaGrad快。",
        ),
        Words(
            "{seeds} seeds, rates searched: Adam's cost is within {within:.0%} of Nesterov's, both are below AdaGrad's",
            "{seeds} 个种子，学习率经过搜索：Adam的代价与Nesterov相差不超过 {within:.0%}，二者都低于AdaGrad",
        ),
        Words(
            "MNIST, batches of 128, rates that fall as 1/√t, as in the paper; fewer epochs than its 45.",
            "与论文相同：MNIST、批大小128、学习率按1/√t下降；轮数少于论文的45轮。",
        ),
        3,
        {"within": 0.1},
    ),
    "srivastava": Paper(
        "Srivastava et al. 2014, table 2",
        Words("Dropout lowers the test error of a network on MNIST.", "Dropout降低了网络在MNIST上的测试错误率。"),
        Words(
            "{seeds} paired seeds: the test error is lower with Dropout, p < {p}",
            "{seeds} 个配对的种子：使用Dropout时测试错误率更低，p < {p}",
        ),
        Words(
            "Three layers of 256 units in place of 1,024, a third of the training images, thirty epochs: the 1.06 % of "
            "the paper took the whole of MNIST, a million updates, and a GPU.",
            "以三层256个单元代替1024个，只用三分之一的训练图像和三十轮：论文的1.06%需要完整的MNIST、一百万次更新和GPU。",
        ),
        5,
        {"p": 0.05},
    ),
    "snoek": Paper(
        "Snoek et al. 2012, 4.1",
        Words(
            "A Gaussian process with expected improvement finds the minimum of Branin's function, 0.397887, sooner "
            "than random search.",
            "采用期望改进量的高斯过程比随机搜索更快找到Branin函数的最小值0.397887。",
        ),
        Words(
            "{seeds} seeds: regret below {regret} at {trials} trials in {enough} of them, a search under {seconds:g} s",
            "{seeds} 个种子：其中 {enough} 个在 {trials} 次试验内遗憾值低于 {regret}，一次搜索不超过 {seconds:g} 秒",
        ),
        Words(
            "The function is the paper's. Its searches over networks (LDA, CIFAR-10) took days on clusters.",
            "函数与论文相同。论文中对网络的搜索（LDA、CIFAR-10）在集群上需要数天。",
        ),
        10,
        {"regret": 0.01, "trials": 30, "enough": 8, "seconds": 5.0, "minimum": 0.397887},
    ),
    "bergstra": Paper(
        "Bergstra and Bengio 2012, 2",
        Words(
            "Random search is as good as a grid or better at a small fraction of its cost, since few of the parameters "
            "matter.",
            "由于真正重要的参数很少，随机搜索只用网格搜索的一小部分代价就能得到同样好或更好的结果。",
        ),
        Words(
            "{seeds} seeds: the best of {random} random trials is at least as good as that of a {side} x {side} grid "
            "in {enough} of them",
            "{seeds} 个种子：其中 {enough} 个，{random} 次随机试验的最好结果不低于 {side} x {side} 网格的最好结果",
        ),
        Words(
            "The digits, 26 epochs in place of at least 100, and two of the paper's seven parameters, with the paper's "
            "ranges; its grids of 100 trials on seven parameters and eight data sets took a cluster.",
            "使用小数字图像，训练26轮而非至少100轮，以及论文七个参数中的两个（范围与论文相同）；"
            "论文在八个数据集、七个参数上的百次网格试验使用了集群。",
        ),
        10,
        {"random": 16, "side": 10, "enough": 8},
    ),
    "duchi": Paper(
        "Duchi et al. 2011, 1.1 and 5",
        Words(
            "AdaGrad wins where features are rare: they have large steps when they come.",
            "特征稀疏时AdaGrad占优：罕见的特征出现时获得较大的步长。",
        ),
        Words(
            "{seeds} seeds, rates searched: fewer steps than SGD to the same loss in each",
            "{seeds} 个种子，学习率经过搜索：在每个种子上都以少于SGD的步数达到相同的损失",
        ),
        Words(
            "Made up features whose frequency falls as a power, in place of the paper's texts and images of gigabytes.",
            "以频率按幂律下降的人造特征代替论文中数GB的文本与图像。",
        ),
        5,
        {},
    ),
}
"""The papers by the name of the experiment's file, in the order of the page."""


def by_seed(run: Run, name: str, do: Callable[[int], T]) -> list[T]:
    """Return what ``do(seed)`` returns for each seed of the paper `name`, the default generator started from it."""

    def part(seed: int) -> T:
        print(f"seed {seed} of 0 to {PAPERS[name].seeds - 1}", flush=True)  # the command shows the last line of a log
        manual_seed(seed)
        found = do(seed)
        manual_seed(0)  # the parts leave the generator where each other does
        return found

    return side_by_side([partial(part, seed) for seed in range(PAPERS[name].seeds)], run.workers)
