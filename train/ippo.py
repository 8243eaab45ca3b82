"""Train IPPO: independent PPO learners with shared parameters, each critic seeing its own player's
view.

python train/ippo.py --config configs/ippo.yaml [key=value …]
python train/ippo.py --resume runs/NAME
"""

from cardjax.commands.train import train_main

if __name__ == "__main__":
    train_main("ippo")
