"""A shot, measured from its first frame to its last."""

from __future__ import annotations

import time

from lookmatte.errors import InputError
from lookmatte.imaging.sequence import Sequence, describe_frames, parse_frames
from lookmatte.job import Job
from lookmatte.progress import Progress
from lookmatte.rendering import bands
from lookmatte.rendering.flow import Crew, Flow
from lookmatte.rendering.times import recall
from lookmatte.reporting.judge import judge
from lookmatte.reporting.measures import FrameMeasures, Inspector
from lookmatte.reporting.report import Report


class Survey:
    """A job whose rendered frames are to be reported, all or those of a range (``1001-1048``).

    Raises InputError for a job that is wrong, and for frames that are not the job's.
    """

    def __init__(self, job: Job, *, shot: str | None = None, frames: str | None = None) -> None:
        self._inspector = Inspector(job)
        self._shot = shot
        there = self._inspector.shot.frames
        self._expected = list(there) if frames is None else sorted(parse_frames(frames))
        self._holes = self._inspector.shot.holes if frames is None else ""
        strange = sorted(set(self._expected) - set(there))
        if strange:
            raise InputError(
                f"--frames: {describe_frames(strange)} not in the job; it has {describe_frames(there)}"
            )

    @property
    def output(self) -> Sequence:
        """The sequence that is judged."""
        return self._inspector.shot.output

    @property
    def rendered(self) -> bool:
        """Is any of the job's frames there?"""
        return self._inspector.rendered

    def report(self, progress: Progress) -> Report:
        """Measure and judge every frame; one that cannot be measured is bad, and says why."""
        progress.start(len(self._expected), stage="report", output=str(self.output))
        if self._holes:
            progress.warning(f"the sequence has holes: {self._holes} missing from {self._inspector.shot.plate}")
        measured: list[FrameMeasures] = []
        failed: dict[int, str] = {}

        def measure(frame: int) -> tuple[FrameMeasures, float]:
            began = time.perf_counter()
            return self._inspector.measure(frame), time.perf_counter() - began

        def arrive(frame: int, found: tuple[FrameMeasures, float]) -> None:
            measured.append(found[0])
            progress.frame_done(frame, found[0].path, found[1])

        def lost(frame: int, error: Exception) -> None:
            failed[frame] = self._inspector.shot.trouble(frame, error)
            progress.frame_failed(frame, failed[frame])

        left = iter(self._expected)
        crew = Crew.of(2 * self._inspector.shot.frame_bytes, len(self._expected), bands.threads())
        Flow[tuple[FrameMeasures, float], None](crew, measure, arrive, lost).run(lambda: next(left, None))
        wanted = set(self._expected)
        seconds = {frame: stages for frame, stages in recall(self.output).items() if frame in wanted}
        findings = judge(measured, failed, seconds)
        return Report(self._shot, self.output, self._expected, measured, findings, seconds, self._holes)
