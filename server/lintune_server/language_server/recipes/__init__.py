"""What the editor shows in a recipe: where the cursor is, what fits there, what stands there. It knows no protocol."""
