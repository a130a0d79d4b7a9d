"""Sim to real: a classifier that has seen generated recordings only, tested on recordings of real bearings."""
