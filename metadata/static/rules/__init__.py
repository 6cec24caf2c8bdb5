"""What rows of the static metadata have to keep to, one module a concern."""
