"""The documentation: Markdown, the settings of Sphinx, and the generator of the reference."""
