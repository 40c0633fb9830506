"""One entry for each command of `hookframe --help`, imported when it is used."""
