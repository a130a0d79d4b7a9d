"""Revisions of the sample tables."""
