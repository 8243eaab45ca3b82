"""Players that plan ahead: rounds are coupled by a state that orders change, and the value of that
state is found by backward induction over it. Here the state is wealth, which limits later orders.

    outcomes.py   the distribution of what an order comes to
    value.py      the value function, as a table over the state
    induction.py  the table, by backward induction over a game's rounds
    wealth.py     the player that acts on it
"""
