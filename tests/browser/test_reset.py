"""One exercise of an open notebook is reset, as a learner does it: reset(id), then reload from disk."""

ID = "stream_metrics"


def test_reset_and_reload_bring_one_starter_back(open_notebook):
    notebook = open_notebook("exercises/01_why_stream.ipynb")
    mine, other = notebook.find(f"def {ID}"), notebook.find("def reading_start")
    starter = notebook.cells()[mine]["source"]
    for index in (mine, other):
        notebook.type(index, "my = 'own code'")
    last = len(notebook.cells()) - 1
    notebook.type(last, f"from course_lib import progress, reset\nreset('{ID}')\nprogress()")
    notebook.save()
    notebook.run_cell(last)
    assert "File > Reload Notebook from Disk" in notebook.text(last)
    assert "Next: " in notebook.text(last)
    notebook.screenshot("reset")
    notebook.reload()
    assert notebook.cells()[mine]["source"] == starter
    assert notebook.cells()[other]["source"] == "my = 'own code'"
    kept = notebook.path.parents[1] / ".course" / "backup" / f"{ID}-1.py"
    assert kept.read_text("utf-8") == "my = 'own code'"
