"""The daemon: attempts come in over sockets, decisions go out."""
