"""Policies that plan ahead.

Orders change a state, and that state matters in later rounds. It is wealth, which limits later
orders, or inventory, which is charged for in later rounds. The value of the state is computed by
backward induction.

    induction.py        what both have in common: a round's market as evenly spread draws, the chain
                        of events, and the induction over the rounds of a game
    outcomes.py         the distribution of an order's outcome
    wealth_value.py     the value of wealth, as a table
    wealth.py           the policy that acts on it
    inventory_value.py  the value of inventory, as a table
    inventory.py        the policy that acts on it, and the one that looks at this round alone
"""
