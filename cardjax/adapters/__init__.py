"""The market as an environment of other libraries.

Each module needs its library. None of them holds a rule of the game.
"""
