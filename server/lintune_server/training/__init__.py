"""Running the trainer: what starts a run, its process, and what run directories say. Knows no protocol."""
