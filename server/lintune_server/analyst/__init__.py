"""The process that analyses what is large, so that the language server answers while it does."""
