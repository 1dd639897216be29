"""Pictures of how long every id of a generation takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def plot(found: dict[str, dict[str, Any]], folder: Path) -> None:
    """Draw the time of every id, one picture for each scenario."""
    import matplotlib as mpl  # noqa: PLC0415  only who draws needs it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "masking"
    from matplotlib import pyplot as plt  # noqa: PLC0415  after the backend is chosen

    for scenario, engines in found.items():
        figure, axes = plt.subplots(figsize=(9, 3.5), layout="constrained")
        for name, both in engines.items():
            axes.plot(np.median(both, axis=0) / 1000, label=name, linewidth=1)
        axes.set_yscale("log")
        axes.set_xlabel("id of the generation")
        axes.set_ylabel("fill + accept, µs (median)")
        axes.set_title(scenario)
        axes.legend(ncols=3, loc="upper left", fontsize="small")
        axes.grid(visible=True, which="major", alpha=0.3)
        path = folder / f"masking_{scenario.replace(' + ', '_').replace(' ', '_')}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        print(f"drawn: {path}")
