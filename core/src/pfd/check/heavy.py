"""Which heavy libraries a manifest imports, by which of its lines, and what each costs every command."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Self

_IMPORTS = Path(importlib.__file__).parent

LIBRARIES = frozenset(
    {
        "IPython", "alembic", "cv2", "dask", "h5py", "jax", "keras", "librosa", "lightgbm", "matplotlib", "numba",
        "numpy", "onnx", "onnxruntime", "pandas", "plotly", "polars", "pyarrow", "pywt", "scipy", "seaborn", "shap",
        "skimage", "sklearn", "skops", "sqlalchemy", "statsmodels", "sympy", "tensorflow", "torch", "torchvision",
        "transformers", "xgboost",
    }
)  # fmt: skip
"""Libraries that take tenths of a second or more to import."""


@dataclass(frozen=True)
class Heavy:
    """A library that was imported: by which line, through which module of others, and in how many seconds."""

    library: str
    path: str
    through: str
    seconds: float


class Watch(importlib.abc.MetaPathFinder):
    """Measures the first import of each heavy library while it stands in `sys.meta_path`.

    What a heavy library imports itself counts as its own.
    """

    def __init__(self, folder: Path | None) -> None:
        self.found: list[Heavy] = []
        self._folder = folder
        self._inside = False

    def __enter__(self) -> Self:
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec that the other finders have, with a loader that takes the time."""
        if self._inside or fullname not in LIBRARIES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next((spec for finder in others if (spec := finder.find_spec(fullname, path, target))), None)
        if spec is not None and hasattr(spec.loader, "__dict__"):
            self._time(fullname, spec.loader)
        return spec

    def _time(self, library: str, loader: Any) -> None:
        by, through = self._importer()
        execute = loader.exec_module

        def timed(module: ModuleType) -> None:
            del loader.exec_module  # from here on it is as it was
            self._inside = True
            began = time.perf_counter()
            try:
                execute(module)
            finally:
                self._inside = False
                self.found.append(Heavy(library, by, through, time.perf_counter() - began))

        loader.exec_module = timed

    def _importer(self) -> tuple[str, str]:
        """The line of the plugin that imports, and the module between it and the library, where there is one."""
        through = ""
        for frame, line in traceback.walk_stack(None):
            file = frame.f_code.co_filename
            if file.startswith("<frozen ") or file == __file__ or Path(file).is_relative_to(_IMPORTS):
                continue
            if self._folder is not None and Path(file).is_relative_to(self._folder):
                return f"{file}:{line}", through
            through = through or str(frame.f_globals.get("__name__", ""))
        return "", through
