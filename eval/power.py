"""Which difference of two policies a number of training seeds and games would show.

python eval/power.py --policies runs/NAME equilibrium --planned-seeds 3 5 10
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("power")
