"""Write whole games of a policy by name, or of a training run, to a Parquet file: a row a round and
player.

python eval/dataset.py --policy ev_oracle --games 100000 --out ev_oracle.parquet
python eval/dataset.py --policy runs/NAME --opponent equilibrium --games 10000 --out games.parquet
--observations
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("dataset")
