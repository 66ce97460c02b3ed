"""What this machine has: every pinned package and every program is a row."""

from course_lib.notebook import doctor


def row(findings, what):
    return next(finding for finding in findings if finding.what == what)


def test_every_required_package_is_looked_at(course):
    names = {finding.what for finding in doctor.examine()}
    assert {"python", "course folder", "jupyterlab", "httpx", "uvicorn", "node", "nginx", "bwrap", "chromium"} <= names
    assert "playwright" not in names


def test_a_missing_package_is_named_and_a_missing_program_says_what_for(course, monkeypatch):
    def missing(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", missing)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    findings = doctor.examine()
    assert not row(findings, "httpx").fine
    assert row(findings, "nginx").fine
    assert "recordings" in row(findings, "nginx").remark
    assert "httpx" in doctor.conclusion(findings)


def test_another_version_is_remarked_but_fine(course, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "0.0.1")
    found = row(doctor.examine(), "httpx")
    assert found.fine
    assert "measured with" in found.remark


def test_the_notebook_shows_the_same_table(course, shown):
    doctor.doctor()
    assert "jupyterlab" in repr(shown[0])
    assert "jupyterlab" in shown[0].markup
