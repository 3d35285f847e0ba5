"""Tokens and templates."""
