"""Evidence about booking: who gets a slot, whether promises are kept, how fast it is, what survives a crash."""
