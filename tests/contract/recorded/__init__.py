"""Exchanges in the shapes that real providers send, told by hand."""
