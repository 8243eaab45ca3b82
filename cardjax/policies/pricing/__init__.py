"""What a quote is worth to the maker, exactly, and the quotes of a monopolist and of competition.

stage_payoff.py  what takers earn together in equilibrium, as a function of their edge
news.py          the law of how far the cards that only takers see move the mean of S
profit.py        Pi, the maker's expected profit of every quote; the two benchmarks
"""
