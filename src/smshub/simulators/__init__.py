"""Fake SMSCs and providers: part of the product, for demos, tests and users."""
