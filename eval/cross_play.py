"""Every policy against every policy, names and runs alike.

python eval/cross_play.py --policies runs/NAME level1 equilibrium
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("cross-play")
