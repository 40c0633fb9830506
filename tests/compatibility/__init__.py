"""Plugins that are written today, on the hookframe of today and on that of tomorrow."""
