"""Slots that are bound to a device: which devices there are, and whose turn it is on each."""
