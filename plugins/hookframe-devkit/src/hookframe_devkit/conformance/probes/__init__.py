"""Probes that observe a running plugin."""
