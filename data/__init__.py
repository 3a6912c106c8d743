"""Data sets, samplers and the DataLoader; the bundled digits, MNIST, IDX files and a shuffled split as arrays.

>>> from tensorgrad.data import digits, holdout
>>> train, test = holdout(*digits())
>>> train.images.shape, test.images.shape
((1438, 8, 8), (359, 8, 8))
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.data.collate import default_collate, default_convert
from tensorgrad.data.dataloader import DataLoader
from tensorgrad.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tensorgrad.data.digits import digits
from tensorgrad.data.distributedsampler import DistributedSampler
from tensorgrad.data.idx import read_idx
from tensorgrad.data.images import MNIST, Digits
from tensorgrad.data.mnist import mnist
from tensorgrad.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from tensorgrad.data.split import Labelled, Split, holdout
from tensorgrad.data.worker import WorkerInfo, get_worker_info

__all__ = [
    "MNIST",
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "Digits",
    "DistributedSampler",
    "IterableDataset",
    "Labelled",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Split",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "digits",
    "get_worker_info",
    "holdout",
    "mnist",
    "random_split",
    "read_idx",
]

_complete(__name__, throughout=True)
