"""The data set as a whole."""
