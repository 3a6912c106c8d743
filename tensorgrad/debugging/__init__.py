"""Why a value is NaN, infinite or zero, and why a gradient is: the trace walked back to the operation that made it."""
