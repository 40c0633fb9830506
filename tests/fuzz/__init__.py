"""Inputs that nobody would write: on the wire, in the configuration, in the hook file, returned.

The targets take bytes (`bench`, `loading`) or what a strategy has made (`strategies`), and raise
only where something is really wrong. hypothesis drives them within pytest, and libFuzzer does by
way of atheris (`fuzzer.py`). Both always try the same inputs, so that a test fails for a change of
hookframe only; `make soak` (HOOKFRAME_FUZZ=20) tries twenty times as many, other ones each time.
"""
