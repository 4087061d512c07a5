"""Looks: networks and bilateral mathematics made into a Baker, one Bake per frame. No files, no threads."""
