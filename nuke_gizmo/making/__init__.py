"""What makes the gizmo and its zip; nothing of it goes to Nuke."""
