"""SMPP 3.4 without a socket: its tables, its codec, a session of either side, delivery receipts."""
