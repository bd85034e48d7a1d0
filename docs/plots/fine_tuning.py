"""What a pretrained start is worth, by number of labelled recordings."""

import json
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

for root in (Path.cwd(), *Path.cwd().parents):
    path = root / "benchmarks" / "results" / "fine_tuning.json"
    if path.exists():
        break
results = json.loads(path.read_text(encoding="utf-8"))

figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
sizes = results["sizes"]
positions = np.arange(len(sizes))
ways = dict.fromkeys(name.rpartition(", ")[0] for name in results["figures"])
for way in (way for way in ways if way):
    rows = [results["figures"][f"{way}, {size}"] for size in sizes]
    mean = np.array([row["mean"] for row in rows])
    error = np.array([row["sd"] / len(row["values"]) ** 0.5 for row in rows])
    axes.errorbar(positions, mean, error, marker="o", capsize=3, label=way)
untouched = results["figures"]["untouched"]["mean"]
axes.axhline(untouched, color="0.4", linestyle=":", label="pretrained, not tuned")
axes.set_xticks(positions, [str(size) for size in sizes])
axes.set(
    xlabel="Labelled recordings of PASCAL set B",
    ylabel="AUROC, recordings of other patients",
)
axes.legend(frameon=False, loc="lower right")
axes.spines[["top", "right"]].set_visible(False)
