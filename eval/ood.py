"""Score a policy in markets that it was not trained in, all shifts by one program; the yardstick
moves with the market.

python eval/ood.py --policy runs/NAME --config configs/eval.yaml
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("ood")
