"""Every policy against every policy, names and runs alike.

python eval/cross_play.py --policies runs/NAME level1 equilibrium
"""

from cardjax.commands.cross_play import cross_play_main

if __name__ == "__main__":
    cross_play_main()
