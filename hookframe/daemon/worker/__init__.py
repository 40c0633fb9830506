"""A worker process, and the fallback while there is none."""
