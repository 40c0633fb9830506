"""The process that forks workers, watches them, and replaces them."""
