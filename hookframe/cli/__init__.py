"""The command line: the modules that commands share."""
