"""What a plugin is put through: one module for each kind of check."""
