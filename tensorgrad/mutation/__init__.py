"""Faults that people make in a gradient, planted one at a time to see whether a user's own tests notice them.

``tensorgrad mutate mymodule.py:MyFunction -- pytest tests/test_mine.py`` is all of it: `code` finds the functions,
`mistakes` says what is made wrong, `planting` makes the mutants, `sandbox` runs the tests, `witness` looks for an input
on which what was missed shows, and `score` puts that together. The project's own rules, which are records and no source
of a user's, are made wrong by ``tests/mutants``.
"""
