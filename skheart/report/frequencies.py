"""The table of frequency bands in a report, with bars."""

from __future__ import annotations

from html import escape

import numpy as np

from skheart.report.description import RecordingDescription


def frequency_table(description: RecordingDescription) -> str:
    """Return how much the answer depends on each band as HTML; "" if not known."""
    found = description.frequency_contribution
    if found is None:
        return ""
    shares = np.nan_to_num([band.share for band in found.bands])
    left, right = min(shares.min(), 0.0), max(shares.max(), 0.0)
    scale = 100 / max(right - left, 1e-12)
    rows = []
    for band, share in zip(found.bands, shares, strict=True):
        kind = "for" if share > 0 else "against"
        x = scale * (min(share, 0.0) - left)
        bar = (
            f'<svg width="100%" height="11" aria-hidden="true"><rect class="{kind}" '
            f'x="{x:.1f}%" width="{scale * abs(share):.1f}%" height="11"/></svg>'
        )
        rows.append(
            f'<tr><th scope="row">{band.low:.0f} to {band.high:.0f} Hz</th>'
            f"<td>{bar}</td><td>{_percent(share)}</td></tr>"
        )
    name = escape(found.positive)
    return (
        '<section class="bands"><h3>By frequency</h3><table><tr><th scope="col">band'
        '</th><th scope="col">against, for</th><th scope="col">%</th></tr>'
        f"{''.join(rows)}</table><p>How much the answer changes if a band is hidden, "
        f"in percent of all changes: above 0 speaks for {name}, below 0 against it. S1 "
        "and S2 are mostly below 100 Hz, murmurs between 100 and 500 Hz.</p></section>"
    )


def _percent(share: float) -> str:
    """Return a share in percent as text, with its sign; 0 has none."""
    text = f"{100 * share:+.0f}".replace("-", "\N{MINUS SIGN}")
    return "0" if text[1:] == "0" else text
