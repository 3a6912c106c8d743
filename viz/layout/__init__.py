"""Where everything of a picture stands: vertices on a grid, arrows on their ways between, texts beside them."""
