"""What was found about bars that are missed, or hardly met; a file of its own, for it is written after the run."""

from __future__ import annotations

from tensorgrad.chapter6.run import Words

FINDINGS: dict[str, Words] = {
    "glorot": Words(
        (
            "Both means are in their ranges. The bar on the gradient is missed by a hair: of twelve ratios, four "
            "in each of three seeds, the largest is off by 5.02 %. From the second layer to the first, where tanh "
            "is bent most, the three seeds are off by 3.1, 3.9 and 5.0 %; the other nine ratios are within 1.9 %, "
            "the mean of all is off by 1.6 %. The bar is read as that of the gradients; the singular values of "
            "the two starts, layer by layer, have ratios of 1.63 to 1.65, which would miss it, too, for the "
            "larger activations of the normalised start lie where tanh is flatter."
        ),
        (
            "两个平均值都在范围内。梯度的标准以极小的差距未达到：三个种子各四个、共十二个比值中，最大的偏差为5.02"
            "%。第二层到第一层之间tanh弯曲最大，三个种子的偏差为3.1%、3.9%与5.0%；其余九个比值在1.9%以内，总平均"
            "偏差1.6%。这里把标准理解为梯度的比值；两种初始化各层奇异值之比为1.63到1.65，同样达不到，因为归一化初"
            "始时较大的激活值位于tanh较平的部分。"
        ),
    ),
    "bergstra": Words(
        (
            "The rate alone matters, as the paper says, but the grid has ten rates, and one of them, 1.3, lies "
            "near the best. Of a response with one peak, 16 draws come nearer to it than ten even values in 54 % "
            "of cases (reckoned, not measured), so that 8 of 10 asks for more than the argument gives; with 100 "
            "draws, at equal cost, it is 91 %. The paper's grids have two or three values for what matters, for "
            "they have seven parameters. And a grid that tries the same good rate ten times has ten chances to be "
            "lucky on the validation images."
        ),
        (
            "如论文所说，只有学习率重要；但网格含有十个学习率，其中1.3接近最优。对于单峰的响应，16次随机取值比十"
            "个等距值更接近峰值的概率为54%（推算而非测量），因此“10个中8个”超出了论据所能给出的；100次取值（同等"
            "代价）时为91%。论文的网格有七个参数，对重要的参数只有两三个取值。此外，网格把同一个好的学习率试了十"
            "次，在验证图像上就有十次碰运气的机会。"
        ),
    ),
    "he": Words(
        (
            "Two of five verdicts fail, each by one seed of three. With 30 layers Xavier's loss stays at log 10 "
            "for all of the five epochs with the seeds 0 and 2; with seed 1 it leaves it after 875 steps and "
            "comes to 0.69: on MNIST the stall is long, not endless (He's loss leaves it within 35 steps). And "
            "with seed 0 He's network, which had come to 0.19, becomes unstable after 1,200 steps and ends at "
            "1.19, above the half of log 10, 1.15. With fewer steps 22 layers from Xavier's values would not have "
            "learned: they stand still for 420 to 560 steps."
        ),
        (
            "五个判定中有两个不成立，各因三个种子中的一个。30层时，种子0与2的Xavier损失在全部五轮中停在 log 10；"
            "种子1在875步后离开并降到0.69：在MNIST上停滞很长，但并非永远（He的损失在35步内就离开）。种子0的He网络"
            "先降到0.19，1200步后变得不稳定，最后为1.19，高于 log 10 的一半1.15。若步数更少，22层的Xavier网络就来"
            "不及学习：它们要停滞420到560步。"
        ),
    ),
    "snoek": Words(
        (
            "Seven of ten searches come within 0.01, one fewer than the bar asks, and the others within 0.013, "
            "0.017 and 0.028; of random searches none does, at a median of 0.8. What is found is found late: all "
            "seven get there with trials 24 to 29, of which the first 8 are random. Optuna's own Gaussian "
            "process, tried after the run with the same seeds, gets there in five of ten. Trials that are judged "
            "by a mean over kernels, as the paper does it, might do better; this was not tried."
        ),
        (
            "十次搜索中有七次在0.01以内，比标准少一次，其余三次为0.013、0.017与0.028；随机搜索无一达到，中位数为0"
            ".8。达到得较晚：七次都在第24到29次试验（其中前8次是随机的）。运行之后以相同种子试过Optuna自带的高斯"
            "过程，十次中有五次达到。像论文那样对核参数取平均也许更好；这里没有尝试。"
        ),
    ),
}
"""The findings by the name of the paper's experiment."""
