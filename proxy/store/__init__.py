"""The store: traces, reviews, runs and keys in SQLite or PostgreSQL."""

from proxy.store.db import Store, StoreError, open_store, url_of

__all__ = ["Store", "StoreError", "open_store", "url_of"]
