"""Clients of one process: accepted, read in turns, answered."""
