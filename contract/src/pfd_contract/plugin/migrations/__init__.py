"""Revisions of the contract's table."""
