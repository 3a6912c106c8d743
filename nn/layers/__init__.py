"""The layers, a subject to a file: modules whose arithmetic stands in `nn.functional`."""
