"""The only place with loops: what is accepted is routed, tried and followed to its end."""
