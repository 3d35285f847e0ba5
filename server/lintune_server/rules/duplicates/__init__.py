"""Duplicates and leaks."""
