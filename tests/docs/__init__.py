"""The documentation, followed by a reader who believes every word."""
