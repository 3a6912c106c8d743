"""NumPy's functions, of tensors: which of ours stands for which of NumPy's, so that the graph is kept.

`ufuncs` has those of each element, `table` all others, with what is of values alone and what is refused. A rule takes
what NumPy's function takes, by the same names and in the same order.
"""
