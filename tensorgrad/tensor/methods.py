"""The methods of Tensor: all that is here is their stub, for type checkers. What they are stands in `attach`."""
