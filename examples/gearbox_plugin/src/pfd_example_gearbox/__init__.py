"""Tooth-mesh frequencies of gearboxes and their sidebands, as a plugin of PFD that uses all that a plugin can."""
