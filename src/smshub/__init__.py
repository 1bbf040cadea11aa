"""A self-hosted SMS hub and one-time-password service."""

__version__ = "0.1.0"
