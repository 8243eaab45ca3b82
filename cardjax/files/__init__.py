"""Reading and writing files: a file that is read is checked against a schema, and a file that is
written is replaced as a whole.
"""
