"""lookmatte inside Nuke: Python 3.7, the standard library and Nuke's own modules alone."""
