"""A shot on a farm: a folder that an Open Job Description engine takes, and one warm process for each session.

``frames`` speaks the engine's syntax of frames, ``template`` says what is to be run, ``bundle`` writes the folder.
``alive``, ``desk`` and ``keeper`` are the session's: files in its folder through which tasks ask a worker that
outlives them. Nothing here imports torch: a task's own process stays small.
"""
