"""Where everything of a picture stands: Graphviz places vertices, the rest is laid beside them."""
