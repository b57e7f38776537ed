"""The wheel as a stranger gets it: what is in it, and that it works where nothing of this checkout can be reached."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from videoscan import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this checkout without any download."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def clean(tmp_path_factory, wheel):
    """A new environment that holds this wheel, and the libraries it depends on but not this checkout."""
    folder = tmp_path_factory.mktemp("clean") / "a folder of my own"
    venv.create(folder, with_pip=False)
    scheme = "nt_venv" if os.name == "nt" else "posix_venv"
    paths = sysconfig.get_paths(scheme, {"base": str(folder), "platbase": str(folder)})
    python = Path(paths["scripts"]) / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", "--no-input"]
    done = subprocess.run([*pip, "--disable-pip-version-check", wheel], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    site = Path(paths["purelib"])
    # The libraries come from here, so that nothing is downloaded. A plain path: .pth files, an editable install's among them, stay unread.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Path(paths["scripts"])


@pytest.fixture
def run(clean, tmp_path):
    """Run the installed command in an empty folder, where a warning is an error."""

    def call(*arguments, code=0):
        unclean = ("VIDEOSCAN_", "PYTHON", "PYTEST_")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(unclean)}
        environ |= {"PYTHONWARNINGS": "error", "XDG_CONFIG_HOME": str(tmp_path / "config")}
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        done = subprocess.run(
            [clean / "videoscan", *arguments],
            cwd=work,
            env=environ,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    call.folder = tmp_path / "work"
    return call


def test_all_that_the_program_reads_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    beside = {"py.typed", "timeline.schema.json", "samples/carpark-night.mp4"}
    beside |= {f"configs/{path.name}" for path in (ROOT / "configs").glob("*.toml")}
    package = ROOT / "videoscan"
    beside |= {
        path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert not {f"videoscan/{name}" for name in beside} - names
    about = f"videoscan-{__version__}.dist-info"
    assert {f"{about}/licenses/LICENSE", f"{about}/licenses/NOTICE", f"{about}/entry_points.txt"} <= names


def test_nothing_but_the_package_is_in_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"videoscan", f"videoscan-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".orig", ".part"))]
    assert wheel.stat().st_size < 4_000_000


def test_the_readme_travels_as_the_description(wheel):
    metadata = zipfile.ZipFile(wheel).read(f"videoscan-{__version__}.dist-info/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
    assert (ROOT / "README.md").read_text(encoding="utf-8").strip() in metadata


def test_the_installed_program_is_the_one_in_the_wheel(run, clean):
    where = subprocess.run(
        [clean / "python", "-c", "import videoscan; print(videoscan.__file__)"],
        cwd=run.folder.parent, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert not Path(where.stdout.strip()).is_relative_to(ROOT)
    assert run("--version").stdout.strip().endswith(__version__)


def test_the_shipped_profiles_are_found_by_name(run):
    rows = [json.loads(line) for line in run("profiles", "list", "--json").stdout.splitlines()]
    assert {row["name"] for row in rows} == {path.stem for path in (ROOT / "configs").glob("*.toml")}
    assert all(row["shipped"] and not Path(row["path"]).is_relative_to(ROOT) for row in rows)


def test_the_demo_runs_in_an_empty_folder(run):
    done = run("demo", "--no-open")
    assert "carpark-night" in done.stdout
    folder = run.folder / "videoscan-out" / "carpark-night"
    timeline = json.loads((folder / "timeline.json").read_text(encoding="utf-8"))
    assert timeline["schema"] == "videoscan.timeline/1"
    assert timeline["events"]
    assert (folder / "report.html").stat().st_size > 10_000


def test_every_codec_of_the_doctor_is_tried(run):
    assert {row["name"] for row in json.loads(run("doctor", "--json").stdout)["codecs"]} >= {"h264", "hevc", "av1", "vp9"}
