"""Alembic revisions of the features plugin."""
