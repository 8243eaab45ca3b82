"""Policies that plan ahead.

Orders change a state, and that state matters in later rounds. Here it is wealth, which limits later
orders. The value of the state is computed by backward induction.

    outcomes.py   the distribution of an order's outcome
    value.py      the value function, as a table over the state
    induction.py  that table, by backward induction over the rounds of a game
    wealth.py     the policy that acts on it
"""
