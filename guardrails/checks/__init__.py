"""One check a file. Importing this package imports none of them; `guardrails.check.load` does, by name."""
