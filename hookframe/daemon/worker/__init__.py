"""A process that answers clients, and the fallback for when there is none."""
