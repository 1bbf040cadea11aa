"""How the bytes of a door arrive."""
