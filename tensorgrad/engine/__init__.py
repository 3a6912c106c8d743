"""What an operation is and how it runs: the tensor and its node, the record of a primitive, dispatch, shared memory.

To be read in this order: `tensor`, `primitive`, `kinds`, `dispatch`, `fastpath`; then what writes do: `writes`,
`views`, `shared_memory`. No primitive is defined here (see `ops`), and no derivative computed (see `autograd`).
"""
