"""Listening sockets: opened, passed on by systemd, and their files removed."""
