"""Alembic revisions of the tables of this plugin."""
