"""The picture as data: what is drawn, from a recorded graph. Nothing here knows positions or files."""
