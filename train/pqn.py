"""Train PQN: the single player, or one seat of two or more against a named opponent.

python train/pqn.py --config configs/pqn.yaml [key=value …]
python train/pqn.py --resume runs/NAME
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("train", "pqn")
