"""What ``lookmatte bench`` measures: every row is a ratio of two things that were timed in turns in one run.

``rows`` and ``timing`` say what a row is and how it is timed, ``scenes`` makes plates, mattes and looks; each of
the other modules measures one group, ``run`` calls them, ``report`` and ``plot`` show what they found.
"""
