"""Tensors from nothing: from data, from a shape, from a generator of random numbers."""
