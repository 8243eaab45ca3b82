"""Train DQN: the single player, or one seat of two or more against a named opponent.

python train/dqn.py --config configs/dqn.yaml [key=value …]
python train/dqn.py --resume runs/NAME
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("train", "dqn")
