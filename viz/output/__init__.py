"""What a drawing is given out as: SVG, HTML, DOT, a notebook's bundle."""
