"""One entry for each command of `hookframe --help`, imported only when it is used."""
