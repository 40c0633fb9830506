"""The tests of hookframe."""
