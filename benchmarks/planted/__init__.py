"""A black-box benchmark of recall and precision: defects planted in clean data, and what `lintune check` finds.

python -m benchmarks.planted [--only SF106,DU] [--misses] [--keep DIR] [--seed N]

Run in the project's root. The defects are written from the rule book, not from the rules' code.
"""
