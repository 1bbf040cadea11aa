"""What the bytes of a door mean; pure."""
