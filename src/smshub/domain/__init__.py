"""Values and decisions: no I/O, no clock, no randomness; both come in as arguments."""
