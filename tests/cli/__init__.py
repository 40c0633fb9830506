"""Tests of the command line, in processes of their own and on real terminals."""
