"""Files: replaced as a whole when they are written, checked against a schema when they are read."""
