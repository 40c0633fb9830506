"""What a check observes while the plugin runs."""
