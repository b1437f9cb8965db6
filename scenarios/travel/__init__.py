"""Where travel times come from. Each source fills the plain arrays of a `TravelTable`."""
