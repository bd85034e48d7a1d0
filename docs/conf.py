"""Settings of the documentation. Build it (no network is needed) with

sphinx-build -W --keep-going -b html docs docs/_build/html
"""

import os
import sys
from pathlib import Path

# TensorFlow and argparse read these when they start; pictures need no display.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.update(COLUMNS="80", NO_COLOR="1", MPLBACKEND="Agg")
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import skheart

project = "skheart"
author = "The skheart developers"
copyright = author
version = release = skheart.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "skheart_directives",
    "scale_directives",
    "segmentation_directives",
    "abstaining_directives",
    "quality_directives",
    "campaign_directives",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "code"  # `name` in docstrings is a parameter
smartquotes = False  # quotes in types are part of the value
toc_object_entries_show_parents = "hide"
pygments_style = "friendly"

autosummary_generate = True
suppress_warnings = ["autosummary.import_cycle"]  # api.rst writes names in full
autodoc_typehints = "none"  # types, shapes and units are in the docstrings
maximum_signature_line_length = 78
numpydoc_show_class_members = False  # our template of a class lists its methods
numpydoc_xref_param_type = False

plot_include_source = False
plot_html_show_formats = False
plot_html_show_source_link = False
plot_formats = [("png", 130)]

html_theme = "pydata_sphinx_theme"
html_title = f"skheart {version}"
html_static_path = ["_static"]
html_css_files = ["skheart.css"]
html_math_renderer = "mathml"  # drawn by the browser, without a remote script
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
_GUIDE = "guide journeys journey_researcher journey_ward journey_maker "
_GUIDE += "spectrograms classifier segmentation quality abstaining inspection "
_GUIDE += "report evaluation accuracy scale "
_GUIDE += "deployment changelog"
html_sidebars = {"*": [], "generated/*": ["sidebar-nav-bs"]}
html_sidebars |= {page: ["sidebar-nav-bs"] for page in _GUIDE.split()}
html_theme_options = {
    "logo": {"text": "skheart"},
    "header_links_before_dropdown": 6,  # all pages of the toctree of index.rst
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["medical-note"],
    "footer_end": ["sphinx-version"],
}
