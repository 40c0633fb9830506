"""`hookframe new`: a plugin to start from, rendered from templates."""
