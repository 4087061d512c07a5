"""Looks as files for other programs: one baked frame's look as a TorchScript model for Nuke's Inference node."""
