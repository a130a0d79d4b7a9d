"""Fault lines of rolling-element bearings, as a plugin of PFD."""
