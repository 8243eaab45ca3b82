"""`python -m cardjax.play.web`: the game in a browser."""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("web")
