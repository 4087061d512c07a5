"""Files and pixels: EXR, sequences, colour, cryptomatte. Knows numpy, and nothing of networks."""
