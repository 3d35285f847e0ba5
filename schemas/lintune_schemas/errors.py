"""The one exception that is meant for people."""


class LintuneError(Exception):
    """Something the user can act on. Its text is one clear sentence or two: what is wrong, and what to do.

    Command-line tools print it without a traceback and exit with 2; the language server shows it as a message.
    """
