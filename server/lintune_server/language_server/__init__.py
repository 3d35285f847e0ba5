"""The language server: pygls on the outside, a session that holds all state, a file for each LSP feature."""
