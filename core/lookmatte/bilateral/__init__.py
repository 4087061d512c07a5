"""The mathematics: grids, transport, soft masks, slicing. Pure tensor functions of torch: no files, no state.

Shapes, everywhere in this package: a grid is (..., 12, D, H, W) float32, 8 x 16 x 16 as shipped; index
``row * 4 + column`` of the 12 holds the affine's entry, rows are the output's r, g, b, columns the input's
r, g, b and the offset. A grid acts on the working encoding (:mod:`.encoding`) clamped to [0, 1].
"""
