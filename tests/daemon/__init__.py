"""The daemon as a process: what it answers, what it survives, how it starts and stops."""
