"""How a policy by name, or a training run, plays: a figure and a CSV for each diagnostic.

python eval/diagnose.py equilibrium
python eval/diagnose.py runs/NAME --episodes 100000 --out figures env.alpha=0.5
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("diagnose")
