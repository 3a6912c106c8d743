"""`tensorgrad.data.distributedsampler` under PyTorch's path."""

from tensorgrad.data.distributedsampler import DistributedSampler

__all__ = ["DistributedSampler"]
