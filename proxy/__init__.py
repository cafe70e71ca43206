"""The proxy enforces what guardrails decide, and records what happened."""
