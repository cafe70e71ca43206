"""The store: traces, reviews, runs and keys in SQLite or PostgreSQL. Importing it alone loads nothing."""
