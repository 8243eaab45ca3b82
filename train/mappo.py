"""Train MAPPO: PPO with shared parameters and a centralised critic, which sees what all players
see.

python train/mappo.py --config configs/mappo.yaml [key=value …]
python train/mappo.py --resume runs/NAME
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("train", "mappo")
