"""Pipeline files: several jobs, each given what earlier ones found.

    name = "from recordings to a curve"

    [steps.import]
    task = "import_mat_dataset_task"
    params = { source = "recordings", name = "uestc" }

    [steps.features]
    task = "extract_features_task"
    params = { dataset = "${import.dataset_id}" }

A parameter that is exactly `${step.field}` becomes that field of that step's result, and makes the step wait for it;
`${step.field.inner}` and `${step.field.0}` reach into it.  `after = ["step"]` waits without using a result.  Other keys
of a step: `queue`, `priority`, `tags`, `soft_time_limit`, `time_limit`.
"""

from pfd.pipeline.pipeline import Pipeline
from pfd.pipeline.run import Run
from pfd.pipeline.step import Step

__all__ = ["Pipeline", "Run", "Step"]
