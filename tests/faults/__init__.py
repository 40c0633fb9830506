"""What a plugin, a client, a file or a signal can do to the daemon, each against a real one."""
