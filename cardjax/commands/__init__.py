"""The command line: `cardjax COMMAND …`, one file per command.

A command's module has `add_arguments(parser)` and `run(arguments)`, and its docstring is what
`--help` says. door.py is the process around it, main.py finds the command, shared.py holds the
options that several commands take.
"""
