"""What was found about bars that are missed, or hardly met; a file of its own, for it is written after the run."""

from __future__ import annotations

from tensorgrad.chapter6.run import Words

FINDINGS: dict[str, Words] = {}
"""The findings by the name of the paper's experiment."""
