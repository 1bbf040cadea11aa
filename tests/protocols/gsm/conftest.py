"""Patience for what hypothesis tries."""

from hypothesis import settings

# A busy machine is slow now and then; that is no fault of what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
