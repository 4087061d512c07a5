"""What is said of a shot, and of several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lookmatte.imaging import sequence
from lookmatte.imaging.sequence import describe_frames
from lookmatte.reporting.judge import Finding, Severity
from lookmatte.reporting.measures import FrameMeasures

Mood = Literal["good", "worse", "worst"]


@dataclass(frozen=True)
class Report:
    """All that a page shows of a shot. ``shot``: its name where a job has several; ``output``: what is judged;
    ``expected``: the frames that should be there; ``seconds``: by frame and stage, where known; ``holes``: the
    frames that lack between the plate's, where the job does not say which there should be."""

    shot: str | None
    output: sequence.Sequence
    expected: Sequence[int]
    frames: Sequence[FrameMeasures]
    findings: Sequence[Finding]
    seconds: Mapping[int, Mapping[str, float]]
    holes: str = ""

    @cached_property
    def worst(self) -> dict[int, Severity]:
        """Frames with findings, and the class of the worst of each."""
        found: dict[int, Severity] = {}
        for one in self.findings:
            if found.get(one.frame) != "bad":
                found[one.frame] = one.severity
        return found

    @property
    def bad(self) -> list[int]:
        """The frames that must be made again or mended."""
        return sorted(frame for frame, severity in self.worst.items() if severity == "bad")

    @property
    def doubtful(self) -> list[int]:
        """The frames that a person should decide on."""
        return sorted(frame for frame, severity in self.worst.items() if severity == "look")

    @property
    def mood(self) -> Mood:
        """How it looks as a whole."""
        return "worst" if self.bad else "worse" if self.doubtful or self.holes else "good"

    @property
    def verdict(self) -> str:
        """One sentence."""
        total, bad, doubtful = len(self.expected), self.bad, self.doubtful
        of = f"of {counted(total, 'frame')}"
        said = []
        if bad:
            said.append(f"{len(bad)} {of} {'is' if len(bad) == 1 else 'are'} bad ({describe_frames(bad)})")
        if doubtful:
            rest = "" if bad else f" {of}"
            said.append(f"{len(doubtful)}{rest} should be looked at ({describe_frames(doubtful)})")
        if not said:
            said.append(f"{counted(total, 'frame')}, nothing to complain of")
        if self.holes:
            said.append(f"the plate has holes ({self.holes})")
        return "; ".join(said)


def verdict_of(reports: Sequence[Report]) -> str:
    """One sentence for all shots of a page."""
    if len(reports) == 1:
        return reports[0].verdict
    shots = f"{len(reports)} shots"
    said = []
    bad = [report for report in reports if report.mood == "worst"]
    if bad:
        frames = counted(sum(len(report.bad) for report in bad), "bad frame")
        said.append(f"{len(bad)} of {shots} {'has' if len(bad) == 1 else 'have'} bad frames ({frames})")
    doubtful = [report for report in reports if report.mood == "worse"]
    if doubtful:
        of = "" if bad else f" of {shots}"
        said.append(f"{len(doubtful)}{of} should be looked at")
    total = counted(sum(len(report.expected) for report in reports), "frame")
    return "; ".join(said) if said else f"{shots}, {total}, nothing to complain of"


def counted(number: int, what: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
