"""The market maker's seat for a person, and a policy at the takers' seats.

rounds.py       QuoteOffer, QuoteRecord: a round as plain values
game.py         MakerGame: one game, round by round
quotes.py       what a person types, read; quotes in words
explanation.py  a round in plain words
score.py        MakerTotals, MakerScore; a finished game in figures
record.py       a game as a JSON file
terminal.py     the game in a terminal; screen.py is what it shows
"""
