"""Tasks that use the libraries which the core does not know."""
