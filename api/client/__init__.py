"""A client of the service: `Client`, what it raises, and what it is given. Answers are typed in `answers`."""

from api.client.answers import moment
from api.client.calls import Client
from api.client.given import At, Locality, Pincode, Visit
from api.client.wire import ApiError, NotReached, SlotLost

__all__ = ["ApiError", "At", "Client", "Locality", "NotReached", "Pincode", "SlotLost", "Visit", "moment"]
