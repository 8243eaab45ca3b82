"""`python -m cardjax.play`: the terminal game."""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("play")
