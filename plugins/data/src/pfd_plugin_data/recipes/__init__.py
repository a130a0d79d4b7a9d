"""From parameters to recordings: what each simulator is given, and what is written of what it makes."""
