"""Tests: one file per module, named after it; shared builders and strategies beside them."""
