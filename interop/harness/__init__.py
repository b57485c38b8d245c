"""Runs servers and other people's clients for the interop tests."""
