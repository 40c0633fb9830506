"""`hookframe new`: the names it accepts, the files it writes, and what it leaves alone."""

from __future__ import annotations

import ast
import importlib.util
import tomllib
from pathlib import PurePath

import pytest
from hookframe_devkit.new.names import parse_name
from hookframe_devkit.new.template import KINDS, About, format_requirement, render_project
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from hookframe import API_VERSION, __version__
from hookframe.cli.new_files import write_new

DISTRIBUTION = {
    *(".github/workflows/test.yml", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md"),
    *("hookframe.toml", "pyproject.toml", "tox.ini", "tests/test_slow_start.py"),
    *(f"src/hookframe_slow_start/{name}" for name in ("__init__.py", "plugin.py", "settings.py")),
    "src/hookframe_slow_start/py.typed",
}
FILES = {
    "plugin": DISTRIBUTION,
    "wrapper": DISTRIBUTION | {"bounces.py"},
    "file": {"README.md", "hookframe.toml", "slow_start.py", "test_slow_start.py"},
}
NASTY = [
    """Jane "J" O'Neil""",
    'ends with a quote"',
    '"""',
    "back\\slash\\",
    "{{ 7 * 7 }} {% raw %} <b>&amp;</b>",
    "Jörg Müller, 例子",
    "# no comment",
]
TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,2}", fullmatch=True)


def files_below(folder):
    """Name the files in a folder, from there."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in paths}


def written(shell, *arguments):
    """Have a project written, which goes well; give its directory."""
    done = shell.run("new", *arguments)
    assert (done.status, done.err) == (0, "")
    (folder,) = shell.directory.iterdir()
    return folder


def metadata(folder):
    """Read what pip will know of a project."""
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_all_that_belongs_to_a_project_and_nothing_else(shell, kind):
    folder = written(shell, "slow-start", "--kind", kind)
    assert folder.name == ("slow_start" if kind == "file" else "hookframe-slow-start")
    assert files_below(folder) == FILES[kind]


def test_without_a_kind_it_is_a_plugin(shell):
    assert files_below(written(shell, "slow-start")) == FILES["plugin"]


@pytest.mark.parametrize(
    "given_name", ["slow-start", "hookframe-slow-start", "Slow_Start", "hookframe_slow.start"]
)
def test_one_plugin_has_one_name_however_it_is_written(shell, given_name):
    project = metadata(written(shell, given_name))
    assert project["name"] == "hookframe-slow-start"
    assert project["entry-points"] == {"hookframe": {"slow-start": "hookframe_slow_start:Plugin"}}


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("file", "is the hook file in a chain"),
        ("hookframe-file", "is the hook file in a chain"),
        ("hookframe", "is the program that runs the plugin"),
        ("class", "keyword of Python"),
        ("2fa", "must start with a letter"),
        ("two words", "can't be a distribution"),
        ("hold/", "can't be a distribution"),
        ("../hold", "can't be a distribution"),
        ("hold-", "can't be a distribution"),
        ("schön", "can't be a distribution"),
        ("", "can't be a distribution"),
        ("a" * 41, "shorten it to 40"),
    ],
)
def test_a_name_that_no_plugin_can_have_is_refused(name, because):
    with pytest.raises(ValueError, match=because):
        parse_name(name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_name_is_wrong_use_and_writes_nothing(shell, kind):
    done = shell.run("new", "two words", "--kind", kind)
    assert (done.status, done.out) == (2, "")
    assert "NAME: 'two words' can't be a distribution" in done.err
    assert list(shell.directory.iterdir()) == []


@pytest.mark.parametrize("name", ["json", "click", "import-linter", "hypothesis"])
def test_a_file_may_not_be_called_like_a_module_that_it_would_hide(shell, name):
    done = shell.run("new", "--kind", "file", name)
    hides = importlib.util.find_spec(name.replace("-", "_")) is not None
    assert done.status == (2 if hides else 0)
    assert ("would hide" in done.err) is hides


def test_a_plugin_may_be_called_like_a_module_for_its_own_has_another_name(shell):
    assert shell.run("new", "json").status == 0


@pytest.mark.parametrize("there", ["mine.txt", ".git", "README.md"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_that_is_not_empty_is_left_as_it_is(shell, kind, there):
    folder = shell.write(f"project/{there}", "mine\n").parent
    done = shell.run("new", "hold", "--kind", kind, "--directory", "project")
    assert (done.status, done.out) == (1, "")
    assert "nothing was written: project already exists and is not empty" in done.err
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(there, "mine\n")]


@pytest.mark.parametrize("folder", ["made", "a/deep er/one"])
def test_an_empty_directory_is_used_and_a_missing_one_is_made(shell, folder):
    (shell.directory / "made").mkdir()
    done = shell.run("new", "slow-start", "--directory", folder)
    assert (done.status, done.err) == (0, "")
    assert files_below(shell.directory / folder) == FILES["plugin"]


@pytest.mark.parametrize("folder", ["taken", "taken/below", "dangling"])
def test_a_directory_that_can_not_be_one_is_one_sentence(shell, folder):
    shell.write("taken", "")
    (shell.directory / "dangling").symlink_to("gone/away")
    done = shell.run("new", "hold", "--directory", folder)
    assert (done.status, done.out) == (1, "")
    assert "nothing was written" in done.err
    assert len(done.err.splitlines()) == 1
    assert sorted(path.name for path in shell.directory.iterdir()) == ["dangling", "taken"]


def test_what_can_not_be_written_whole_is_taken_back(tmp_path):
    paths = [tmp_path / name for name in ("a/b/one", "a/two", "a/b/one/a file for a directory")]
    with pytest.raises(OSError, match="one"):
        write_new(dict.fromkeys(paths, b""))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_has_come_up_meanwhile_is_not_overwritten(tmp_path):
    (tmp_path / "two").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_new({tmp_path / "one": b"1", tmp_path / "two": b"2"})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


@pytest.mark.parametrize(
    ("option", "text"),
    [("--author", "\udcff"), ("--email", "a\x7f@b.example"), ("--summary", "two\nlines")],
)
def test_text_that_is_not_one_line_is_wrong_use(shell, option, text):
    done = shell.run("new", "hold", option, text)
    assert (done.status, done.out) == (2, "")
    assert option in done.err
    assert list(shell.directory.iterdir()) == []


def test_a_summary_that_is_too_long_for_a_list_of_plugins_is_wrong_use(shell):
    assert shell.run("new", "hold", "--summary", "x" * 120).status == 0
    done = shell.run("new", "other", "--summary", "x" * 121)
    assert done.status == 2
    assert "has 121 characters" in done.err


def test_a_file_has_no_place_for_an_author_and_says_so(shell):
    done = shell.run("new", "hold", "--kind", "file", "--author", "Jane Doe")
    assert done.status == 2
    assert "--author" in done.err


@pytest.mark.parametrize("text", NASTY)
def test_what_an_author_says_is_in_the_metadata_letter_by_letter(text):
    files = render_project(
        "plugin", parse_name("hold"), About(summary=text, author=text, email=text)
    )
    known = tomllib.loads(files[PurePath("pyproject.toml")].decode())["project"]
    assert known["authors"] == [{"name": text, "email": text}]
    assert known["description"] == text
    assert files[PurePath("LICENSE")].decode().splitlines()[2].endswith(f" {text}")
    assert text in files[PurePath("README.md")].decode().splitlines()


@pytest.mark.parametrize("text", NASTY)
def test_what_an_author_says_of_a_file_is_in_its_docstring_letter_by_letter(text):
    files = render_project("file", parse_name("hold"), About(summary=text))
    docstring = ast.get_docstring(ast.parse(files[PurePath("hold.py")]))
    assert docstring.splitlines()[0] == text


def test_without_an_author_the_copyright_is_the_developers(shell):
    folder = written(shell, "hold")
    assert metadata(folder)["authors"] == [{"name": "The hookframe-hold developers"}]


@settings(max_examples=30, deadline=None)
@given(name=NAMES, texts=st.tuples(TEXT, TEXT, TEXT), kind=st.sampled_from(list(KINDS)))
def test_whatever_a_plugin_is_called_its_files_can_be_read(name, texts, kind):
    try:
        names = parse_name(name)
    except ValueError:
        assume(False)
    for path, content in render_project(kind, names, About(*texts)).items():
        if path.suffix == ".py":
            compile(content, path, "exec")
            assert path.stem.isidentifier()
        elif path.suffix == ".toml":
            tomllib.loads(content.decode())


@pytest.mark.parametrize(
    ("version", "needs"),
    [
        ("0.1.0", "hookframe>=0.1,<0.2"),
        ("0.9.3", "hookframe>=0.9,<0.10"),
        ("1.4.2", "hookframe>=1.4,<2"),
        ("2.0.0rc1", "hookframe>=2.0,<3"),
    ],
)
def test_a_plugin_needs_the_hookframe_it_was_written_for_up_to_what_may_break_it(version, needs):
    assert format_requirement(version) == needs


def test_a_plugin_runs_on_the_hookframe_that_wrote_it(shell):
    folder = written(shell, "hold")
    needs = [Requirement(each) for each in metadata(folder)["dependencies"]]
    (mine,) = [each for each in needs if each.name == "hookframe"]
    assert mine.specifier.contains(__version__)
    source = (folder / "src/hookframe_hold/plugin.py").read_text()
    assert f"hookframe_api_version = {API_VERSION}\n" in source


def test_a_name_that_another_installed_plugin_has_is_noted(shell, distributions):
    shell.install(distributions["stack"])
    done = shell.run("new", "guard")
    assert done.status == 0
    assert "note: acme-guard 1.4.0 also has a plugin 'guard'" in done.err


def test_a_distribution_that_is_installed_already_is_noted(shell, first_party):
    shell.install(first_party)
    done = shell.run("new", "blacklist")
    assert done.status == 0
    assert "note: hookframe-blacklist" in done.err
    assert "pip will replace it by yours" in done.err


def test_in_this_directory_there_is_no_way_to_go(shell):
    done = shell.run("new", "slow-start", "--directory", ".")
    assert files_below(shell.directory) == FILES["plugin"]
    assert "  cd " not in done.out
