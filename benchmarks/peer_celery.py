"""The peer: Celery with its broker in a folder, so that it needs no server."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

folder = Path(os.environ.get("CELERY_BENCH_FOLDER", "."))
app = Celery("bench", broker="filesystem://", include=["benchmarks.peer_celery"])
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
}


@app.task  # type: ignore[untyped-decorator]  # Celery carries no types
def noop() -> None:
    pass
