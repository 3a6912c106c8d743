"""What writes documents and stubs from the code: `python -m tensorgrad.reference`. The engine never imports it."""
