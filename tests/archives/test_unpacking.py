"""An archive stands for the folder that was packed; a hostile or damaged one is a line, and nothing is left of it."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from itertools import product
from pathlib import Path

import pyarrow
import pytest

from autosft.archives import extraction
from autosft.archives.inputs import collected
from autosft.archives.members import is_archive, stem_of
from autosft.archives.unpacking import unpacked
from autosft.contracts.rows import Row, Rows, Scan
from autosft.errors import BadInput, CannotWrite

FILES = {"photos/ants/1.txt": b"one", "photos/ants/deep/2.txt": b"two" * 1000, "photos/bees/3.txt": b"three"}
KINDS = ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "tar.zst"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "archives"


@pytest.fixture
def pack(tmp_path):
    """Pack some files; a tar in pieces, so that a member may be anything."""

    def make(name="photos.zip", files=FILES, infos=()):
        path = tmp_path / name
        if name.endswith(".zip"):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for member, content in files.items():
                    archive.writestr(member, content)
            return path
        stream = io.BytesIO()
        mode = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "xz": "xz"}.get(name.rpartition(".")[2], "")
        with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
            for member, content in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            for info in infos:
                archive.addfile(info)
        content = stream.getvalue()
        if name.endswith("zst"):
            content = pyarrow.compress(content, "zstd", asbytes=True)
        path.write_bytes(content)
        return path

    return make


def listed(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(path, cache, match, error=BadInput):
    """The one line with which an archive is refused, and that nothing of it is left."""
    with pytest.raises(error, match=match) as caught:
        unpacked(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)
    assert not [entry for entry in cache.iterdir() if entry.suffix != ".lock"]


@pytest.mark.parametrize("kind", KINDS)
def test_archives_of_every_kind_stand_for_their_folder(kind, pack, cache):
    folder = unpacked(pack(f"photos.{kind}"))
    assert listed(folder) == {name.removeprefix("photos/"): content for name, content in FILES.items()}
    assert cache in folder.parents


def test_an_archive_is_extracted_once_and_again_where_it_has_been_deleted(pack, cache):
    path = pack()
    folder = unpacked(path)
    (folder / "ants" / "1.txt").write_bytes(b"touched")
    assert unpacked(path) == folder and (folder / "ants" / "1.txt").read_bytes() == b"touched"
    for entry in cache.iterdir():
        subprocess.run(["rm", "-rf", str(entry)], check=True)
    assert unpacked(path) == folder and (folder / "ants" / "1.txt").read_bytes() == b"one"


def test_what_a_killed_process_left_is_cleared_away(pack, cache):
    folder = unpacked(pack())
    whole = cache / folder.relative_to(cache).parts[0]
    draft = cache / f"{whole.name}.draft"
    whole.rename(draft)
    (draft / "photos" / "half.txt").write_bytes(b"half")
    assert "half.txt" not in listed(unpacked(pack())) and not draft.exists()


@pytest.mark.parametrize("notes", [{}, {"README.md": b"hello", "__MACOSX/._photos": b"x"}])
def test_one_wrapping_folder_is_passed_through(notes, pack):
    folder = unpacked(pack(files={f"a/b/{name}": content for name, content in FILES.items()} | notes))
    assert sorted(entry.name for entry in folder.iterdir()) == ["ants", "bees"]


def test_backslashes_of_other_systems_part_folders_in_a_zip(pack):
    path = pack(files={"photos\\ants\\1.txt": b"one", "photos\\bees\\2.txt": b"two"})
    assert set(listed(unpacked(path))) == {"ants/1.txt", "bees/2.txt"}


OUTSIDE = ["../out.txt", "photos/../../out.txt", "/tmp/out.txt", "C:/out.txt"]


@pytest.mark.parametrize(
    "kind,name", [*product(("zip", "tar.gz"), OUTSIDE), ("zip", "a\\..\\..\\out.txt"), ("zip", "\\out.txt")]
)
def test_names_that_lead_outside_are_refused(kind, name, pack, cache, tmp_path):
    refused(pack(f"photos.{kind}", {**FILES, name: b"out"}), cache, "leads out of the archive's own folder")
    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize(
    "kind,words",
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.FIFOTYPE, "a device"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
    ],
)
def test_links_and_devices_of_a_tar_are_refused(kind, words, pack, cache):
    info = tarfile.TarInfo("photos/ants/odd.txt")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(pack("photos.tar", infos=[info]), cache, f"is {words}")


def test_a_link_in_a_zip_is_refused(tmp_path, cache):
    info = zipfile.ZipInfo("photos/link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "photos.zip", cache, "is a link")


def test_an_encrypted_zip_is_refused(pack, cache):
    path = pack()
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    refused(path, cache, r"encrypted.*without a password")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_bombs_are_refused_before_they_go_off(kind, pack, cache, monkeypatch):
    monkeypatch.setattr(extraction, "SMALL", 1 << 18)
    refused(pack(f"bomb.{kind}", {"a/zeros": bytes(4 << 20)}), cache, "over 100 times larger than the archive")


def test_a_content_that_the_disk_has_no_room_for_is_not_begun(pack, cache, monkeypatch):
    monkeypatch.setattr(extraction, "RESERVE", 1 << 60)
    refused(pack(), cache, "no room to extract it", CannotWrite)


def test_too_many_and_too_deep_members_are_refused(pack, cache, monkeypatch):
    refused(pack(files={"a/" * 100 + "x": b"x"}), cache, "101 folders deep")
    monkeypatch.setattr(extraction, "MOST_MEMBERS", 2)
    refused(pack(), cache, "more than 2 members")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fraction", [0.02, 0.5, 0.85])
def test_half_archives_are_refused(kind, fraction, pack, cache):
    files = {f"photos/{name}/{number}.txt": os.urandom(3000) for name in ("ants", "bees") for number in range(9)}
    path = pack(f"photos.{kind}", files)
    path.write_bytes(path.read_bytes()[: int(fraction * path.stat().st_size)])
    refused(path, cache, "damaged or cut off|neither a zip nor a tar")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_archives_are_refused_or_whole(kind, pack, cache):
    """A flipped bit may also hit what says nothing, such as a time; then the content is right."""
    files = {f"photos/{name}/{number}.txt": os.urandom(300) for name in ("ants", "bees") for number in range(4)}
    path = pack(f"photos.{kind}", files)
    content, refusals = path.read_bytes(), 0
    for place in range(3, len(content), max(1, len(content) // 16)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        try:
            unpacked(path)
        except BadInput as error:
            refusals += 1
            assert "\n" not in str(error)
    assert refusals and not list(cache.glob("*.draft"))


def test_headers_that_claim_much_memory_are_refused(tmp_path, cache):
    info = tarfile.TarInfo("name")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10 << 30
    (tmp_path / "name.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    refused(tmp_path / "name.tar", cache, "damaged")


@pytest.mark.parametrize(
    "name,content,match",
    [
        ("a.zip", b"", "the file is empty"),
        ("a.zip", b"<html>not found</html>", "neither a zip nor a tar"),
        ("a.tar.gz", b"\x1f\x8b" + bytes(50), "damaged"),
        ("a.tar", bytes(10240), "there is no file in this archive"),
        ("a.zip", b"PK\x05\x06" + bytes(18), "there is no file in this archive"),
        ("a.rar", b"Rar!", "Pack the folder as"),
        ("a.7z", b"7z", "Pack the folder as"),
    ],
)
def test_what_is_no_archive_or_holds_nothing_is_refused(name, content, match, tmp_path, cache):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, cache, match)


def test_a_pipe_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(BadInput, match="not an ordinary file"):
        unpacked(tmp_path / "a.zip")


def test_an_archive_of_folders_alone_is_refused(tmp_path, cache):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.mkdir("ants")
    refused(tmp_path / "a.zip", cache, "there is no file in this archive")


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path, cache, pack):
    refused(pack("a.tar", {"a": b"file", "a/b": b"below it"}), cache, "cannot be extracted")


def test_a_cache_that_cannot_be_written_is_said_so(pack, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "file"))
    with pytest.raises(CannotWrite, match="AUTOSFT_CACHE"):
        unpacked(pack())


def test_names_say_what_is_an_archive(tmp_path):
    assert all(is_archive(Path(f"a.b.{kind.upper()}")) for kind in [*KINDS, "rar"])
    assert not any(is_archive(Path(name)) for name in ("table.csv.gz", "a.txt", "zip", "a.docx"))
    (tmp_path / "folder.zip").mkdir()
    assert not is_archive(tmp_path / "folder.zip")
    assert stem_of(Path("my.photos.tar.gz")) == "my.photos" and stem_of(Path("A.ZIP")) == "A"


@pytest.mark.parametrize("text", ["see the attached mail.zip", "see the attached mail, " * 20 + "mail.zip"])
def test_a_text_that_ends_like_an_archive_is_a_text(text):
    scan = collected(lambda inputs: Scan(Rows.of(Row("input-0", one) for one in inputs)), [text])
    assert scan.rows.ref.tolist() == [text]


def test_many_members_take_little_memory(tmp_path):
    """20,000 members of a tar, listed in a process of its own."""
    info = tarfile.TarInfo("x")
    path = tmp_path / "many.tar"
    path.write_bytes(info.tobuf() * 20_000 + bytes(1024))
    code = (
        "import resource, sys; from pathlib import Path; from autosft.archives.members import members_of\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert sum(1 for _ in members_of(Path(sys.argv[1]))) == 20_000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 12_000  # kilobytes
