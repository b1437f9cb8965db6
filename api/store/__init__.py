"""The store: what was promised, kept in SQLite or PostgreSQL."""

from api.store.database import Database
from api.store.faults import StoreError

__all__ = ["Database", "StoreError"]
