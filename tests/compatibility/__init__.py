"""Plugins that are written today keep running, and are warned of what goes away."""
