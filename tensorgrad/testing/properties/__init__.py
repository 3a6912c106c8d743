"""Gradients at many drawn arguments, as a test: of functions here, of pairs in NumPy, of PyTorch's functions."""
