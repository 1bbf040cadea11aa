"""The web console: pages for people, made of the hub's own commands."""
