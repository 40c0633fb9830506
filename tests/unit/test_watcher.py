"""`hookframe.files.watcher`: which directories to watch."""

from __future__ import annotations

from hookframe.files.watcher import find_directories


def test_the_directory_of_a_file_is_watched_whether_or_not_the_file_exists(tmp_path):
    assert set(find_directories([str(tmp_path / "missing")])) == {str(tmp_path)}


def test_a_directory_that_does_not_exist_is_left_out(tmp_path):
    assert find_directories([str(tmp_path / "nowhere" / "file")]) == {}


def test_the_directory_of_each_link_on_the_way_is_watched(tmp_path):
    real, version, mount = tmp_path / "real", tmp_path / "version", tmp_path / "mount"
    for directory in (real, version, mount):
        directory.mkdir()
    (real / "file").touch()
    (version / "file").symlink_to("../real/file")
    (mount / "data").symlink_to("../version")
    (mount / "file").symlink_to("data/file")
    found = set(find_directories([str(mount / "file")]))
    assert {str(mount), str(version), str(real)} <= found


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert str(tmp_path) in find_directories([str(tmp_path / "a")])


def test_a_directory_that_is_made_anew_is_another_one(tmp_path):
    path = tmp_path / "directory"
    path.mkdir()
    before = find_directories([str(path / "file")])
    (tmp_path / "keeps the inode in use").mkdir()
    path.rename(tmp_path / "aside")
    path.mkdir()
    assert find_directories([str(path / "file")]) != before
