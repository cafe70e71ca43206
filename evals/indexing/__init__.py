"""Retrieval indices from corpus to promotion: manifests, incremental builds, comparisons, pointers."""
