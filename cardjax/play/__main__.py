"""`python -m cardjax.play`: the terminal game."""

from cardjax.play.terminal import main

if __name__ == "__main__":
    main()
