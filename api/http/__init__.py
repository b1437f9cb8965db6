"""The HTTP face: slots, bookings and plans for booking services and dispatch, closed by default."""
