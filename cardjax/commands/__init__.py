"""The commands: a file each, arguments in, files and tables out."""
