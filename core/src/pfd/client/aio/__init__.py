"""A dispatcher and handles with coroutines in place of methods, for web services."""
