"""The language server, the rules, the command line, and the processes they look after."""
