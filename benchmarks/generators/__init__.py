"""Generators of deployed size, built as their public code builds them; each factory takes no arguments, as a user's
does."""
