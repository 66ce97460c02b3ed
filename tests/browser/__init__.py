"""A real JupyterLab in a real browser: slow tests, one Lab and one browser for all of them."""
