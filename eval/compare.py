"""What one policy earns more than another, in the very same markets.

python eval/compare.py --policies runs/NAME equilibrium --opponent ev_oracle
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("compare")
