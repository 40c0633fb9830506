"""The daemon: receives attempts over sockets, and answers with decisions."""
