"""The lowest floor: what exists only so that a CPU is quick about it.

A function here computes what a plainer one computes. The plain one is its definition and its name
says what it is; it stands beside the fast one (`plain_…`), or it is jax's own. tests/kernels holds
the two together, bit for bit where a docstring claims bits. What a kernel cannot do it refuses in
one line. The rest of the package calls kernels by name and knows nothing of how they are made;
docs/performance.md says what each is worth.
"""
