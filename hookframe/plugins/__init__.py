"""Plugins found, checked and loaded: entry points, hook files and files of code."""
