"""Guardrails decide: text segments in, a verdict out. A pure library: no HTTP, SQL, environment or clock."""
