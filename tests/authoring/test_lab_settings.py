"""The environment's JupyterLab settings are added to, never overwritten."""

import json

from course_lib.authoring.lab_settings import SETTINGS, write


def test_settings_are_written_where_there_are_none(tmp_path):
    assert json.loads(write(tmp_path).read_text()) == SETTINGS


def test_settings_of_others_are_kept(tmp_path):
    path = write(tmp_path)
    path.write_text(json.dumps({"theirs": {"a": 1}}))
    assert json.loads(write(tmp_path).read_text()) == {"theirs": {"a": 1}, **SETTINGS}


def test_a_broken_file_is_kept_aside(tmp_path):
    path = write(tmp_path)
    path.write_text("{")
    assert json.loads(write(tmp_path).read_text()) == SETTINGS
    assert path.with_suffix(".json.broken").read_text() == "{"
