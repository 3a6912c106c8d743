"""PyTorch's functions, with its argument names and defaults, on the primitives and the composed functions.

Each subject has its module; the names of all of them stand in one table, `tensorgrad.tensor.names`.
"""
