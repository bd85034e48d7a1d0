"""Accuracy of the answers that are given, over the share of recordings with one."""

import json
from pathlib import Path

from matplotlib import pyplot as plt

for root in (Path.cwd(), *Path.cwd().parents):
    path = root / "benchmarks" / "results" / "abstaining.json"
    if path.exists():
        break
results = json.loads(path.read_text(encoding="utf-8"))["circor2022"]

curves = {
    "confidence": ("by confidence", "tab:blue", "o-"),
    "quality and confidence": ("by quality, then confidence", "tab:red", "s-"),
}
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
for key, (label, colour, style) in curves.items():
    x = [point["coverage"] for point in results[key]]
    y = [point["accuracy by patient"] for point in results[key]]
    axis.plot(x, y, style, color=colour, label=label, markersize=4)
axis.set(
    xlabel="Share of recordings with an answer",
    ylabel="Accuracy, mean over patients",
)
axis.spines[["top", "right"]].set_visible(False)
axis.grid(alpha=0.3)
axis.invert_xaxis()
axis.legend(frameon=False)
