"""Simulators of vibration: rolling-element bearings, and rotors on journal bearings."""
