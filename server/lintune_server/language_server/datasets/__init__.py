"""What the editor shows in a data set: what stands on its lines, and what fits there. It knows no protocol."""
