"""Train IPPO: independent PPO learners with shared parameters, each critic seeing its own player's
view.

python train/ippo.py --config configs/ippo.yaml [key=value …]
python train/ippo.py --resume runs/NAME
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("train", "ippo")
