"""What a job says of strength and exposure, per frame and region."""

from __future__ import annotations

from lookmatte.job import Job
from lookmatte.looks.bake import Setting
from lookmatte.rendering.proxy import REST


def settings(job: Job, frame: int) -> dict[str, Setting]:
    """The settings of every region on a frame, by the name that it has in a bake (``rest`` under ``REST``)."""
    return {
        REST if region is job.rest else region.name: Setting(region.strength_at(frame), region.exposure_limit)
        for region in job.everything
    }
