"""The worker: a process that hosts keep beside them, and ask for frames in JSON lines.

``channel`` carries messages over standard input and output, ``requests`` says which there are and checks them,
``tasks`` does what they ask, ``server`` runs them one at a time in order, ``life`` ends it when its host ends.
"""
