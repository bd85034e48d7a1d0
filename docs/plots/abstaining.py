"""Accuracy of the answers that are given, over the share of recordings with one."""

import json
from pathlib import Path

from matplotlib import pyplot as plt

for root in (Path.cwd(), *Path.cwd().parents):
    path = root / "benchmarks" / "results" / "abstaining.json"
    if path.exists():
        break
corpora = json.loads(path.read_text(encoding="utf-8"))["corpora"]

titles = {"circor2022": "CirCor, murmur", "pascal": "PASCAL, murmur"}
curves = {
    "confidence": ("by confidence", "tab:blue", "o-"),
    "quality and confidence": ("by quality, then confidence", "tab:red", "s-"),
}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True, layout="constrained")
for axis, (name, title) in zip(axes, titles.items(), strict=True):
    for key, (label, colour, style) in curves.items():
        points = corpora[name][key]
        x = [point["coverage"] for point in points]
        y = [point["accuracy by patient"] for point in points]
        axis.plot(x, y, style, color=colour, label=label, markersize=4)
    axis.set(title=title, xlabel="Share of recordings with an answer")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.invert_xaxis()
axes[0].set_ylabel("Accuracy, mean over patients")
axes[0].legend(frameon=False)
