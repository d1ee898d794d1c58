"""Files that are wrong in ways nobody thought of: seeds (`seeds`), damage (`mutations`), attacks (`hostile`).

    python -m fuzz [--cases 10000] [--seed 0] [--only xyz]      a table per reader (make fuzz)

A case is a reader, a seed and a number: the same three give the same file. A fault is an exception other than
`Invalid`, more than 10 s, more than 2 GB, or a process that dies.
"""
