"""One sample of a data set as a Markdown document that people edit, and back into the bytes of its line.

Nothing here knows a protocol: text in, text out.
"""
