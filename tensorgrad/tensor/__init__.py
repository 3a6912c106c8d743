"""What gives Tensor its methods: the table of its names, and the methods that are no functions."""
