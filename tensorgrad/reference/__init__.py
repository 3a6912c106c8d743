"""What writes documents from the code, which never imports it: ``python -m tensorgrad.reference`` prints one of them.

Read in this order: `kinks` (what the derivatives of composed functions are where there are none, as data), `parts`
(what a composed function is made of, read from its source), `formulas` (the source of a rule as mathematics) and
`operations` (the page docs/operations.md, made of all these and of the records). `manual` walks through the
public names and makes the reference of the site.
"""
