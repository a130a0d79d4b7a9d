"""Tasks that do next to nothing, found on the path as if they were installed."""
