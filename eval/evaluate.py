"""Evaluate a policy by name, or a training run, against opponents on draws that training never
sees.

python eval/evaluate.py --policy ev_oracle --episodes 10000 --events on --impact on
python eval/evaluate.py --policy runs/NAME --opponent equilibrium --json results.json
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("evaluate")
