"""`tensorgrad.data.dataloader` under PyTorch's path."""

from tensorgrad.data.collate import default_collate, default_convert
from tensorgrad.data.dataloader import DataLoader
from tensorgrad.data.worker import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]
