"""Listening sockets: opened, or passed by systemd, and closed."""
