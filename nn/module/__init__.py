"""`Module`, the base class of layers and models, and what a module is made of, in the order in which one reads it.

`parameter`: Parameter and Buffer, the tensors that a module registers, and what they are before their shape is known.
`registry`: attributes, and the registers that they are found in.
`callhooks`: functions that users hang on modules. `statedict`: the state as a dictionary, and back.
`outline`: a module as a notebook shows it.
`module`: Module itself: the call, the walks through the modules below, dotted names, modes, dtypes, the text.
`settings`: the declaration of layers that are a function with settings. `lazy`: layers that learn sizes at their first
call. `containers`, `parameterlists`: modules made of modules, and lists and dictionaries of parameters.
"""

from .module import Module
from .parameter import Buffer, Parameter

__all__ = ["Buffer", "Module", "Parameter"]
