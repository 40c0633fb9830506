"""What plugins print, log and warn by the ways of Python, as lines of the log."""
