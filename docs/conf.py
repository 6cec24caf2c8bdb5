"""Settings of Sphinx: `make docs-site` builds the documentation without a network, and fails on a broken link."""

from __future__ import annotations

import headwater

project = "Headwater"
release = headwater.__version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["site", "benchmarks"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

smartquotes = False  # it would make one dash of the two of a flag

html_theme = "furo"
html_title = "Headwater"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# no lexer of Pygments knows CSV; such blocks are plain
suppress_warnings = ["misc.highlighting_failure"]
