"""Write a trained policy to one .npz file of plain arrays, for use elsewhere: docs/export.md has
its layout.

python eval/export.py --policy runs/NAME --output policy.npz
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("export")
