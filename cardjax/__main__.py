"""`python -m cardjax COMMAND …`."""

from cardjax.commands.door import main

if __name__ == "__main__":
    main()
