"""Sample format."""
