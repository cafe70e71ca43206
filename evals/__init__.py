"""Evals measure: golden sets against a target, scored, compared with a baseline, gated."""
