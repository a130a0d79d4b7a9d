"""Alembic revisions of the training plugin."""
