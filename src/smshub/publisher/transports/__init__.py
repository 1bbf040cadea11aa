"""The ways to speak, one module for each; a library is loaded with the module that needs it."""
