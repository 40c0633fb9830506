"""`hookframe new`: a new plugin, rendered from templates."""
