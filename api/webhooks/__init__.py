"""Webhooks: the events of the store sent to other systems, in order and signed."""
