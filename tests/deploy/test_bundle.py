"""What a bundle is made of, and which ones are refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from autosft.contracts.document import sha256_of, write_json
from autosft.deploy.bundle import member_damage, open_bundle, save_bundle
from autosft.deploy.predictor import Predictor
from autosft.errors import BadBundle, BadInput, CannotWrite

FILES = ("bundle.json", "member-0/member.json", "member-0/model.safetensors", "member-0/states.safetensors")


def manifest(folder, **changes):
    plain = json.loads((folder / "bundle.json").read_text())
    write_json(folder / "bundle.json", {**plain, **changes})


def test_a_bundle_holds_json_and_safetensors_and_nothing_else(made):
    found = sorted(str(path.relative_to(made.folder)) for path in made.folder.rglob("*") if path.is_file())

    assert found == sorted(FILES)


def test_the_manifest_names_every_file_the_task_and_where_its_parts_come_from(made):
    _, bundle = open_bundle(made.folder)

    assert set(bundle.files) == set(FILES[1:])
    assert bundle.task == made.task
    assert bundle.distributions == {"autosft-toy": "1.0"}
    assert bundle.scores == {"valid": made.evaluation.score}


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_flipped_byte_is_refused_by_name(bundle, name, place):
    content = bytearray((bundle / name).read_bytes())
    content[round(place * (len(content) - 1))] ^= 1
    (bundle / name).write_bytes(content)

    with pytest.raises(BadBundle, match="damaged") as caught:
        open_bundle(bundle)

    assert str(bundle / name) in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused_by_name(bundle, name):
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(BadBundle) as caught:
        open_bundle(bundle)

    assert str(bundle / name) in str(caught.value)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file_is_refused_by_name(bundle, name):
    (bundle / name).unlink()

    with pytest.raises(BadBundle, match="missing") as caught:
        open_bundle(bundle)

    assert str(bundle / name) in str(caught.value)


def test_a_newer_schema_is_refused_with_what_to_do(bundle):
    manifest(bundle, schema_version=4)

    with pytest.raises(BadBundle, match=r"schema 4 is newer .*Upgrade autosft"):
        open_bundle(bundle)


def test_a_newer_schema_with_more_keys_is_refused_too(bundle):
    manifest(bundle, schema_version=4, signature="…")

    with pytest.raises(BadBundle, match="newer"):
        open_bundle(bundle)


def test_a_bundle_of_schema_1_answers_as_it_did(made, bundle, registry):
    """There a member's weight was its share, and the names of problems, their columns and the first one's metric stood
    apart."""
    plain = json.loads((bundle / "bundle.json").read_text())
    plain["members"] = [{"folder": one["folder"], "share": one["weight"]} for one in plain["members"]]
    (target,) = plain["task"].pop("targets")
    old = {"problems": [target["problem"]], "targets": [target["columns"]], "metric": target["metric"]}
    plain |= {"schema_version": 1, "task": {**plain["task"], **old}, "digest": ""}
    digest = sha256_of(json.dumps(plain, sort_keys=True).encode())
    write_json(bundle / "bundle.json", {**plain, "digest": digest})
    points = list(made.trial.valid.ref)

    assert open_bundle(bundle)[1].task == made.task
    answers = [Predictor.load(folder, registry=registry).predict(points) for folder in (bundle, made.folder)]
    assert answers[0] == answers[1]


def test_a_run_is_accepted_for_its_bundle(bundle):
    bundle.rename(bundle.with_name("best"))

    folder, _ = open_bundle(bundle.parent)

    assert folder == bundle.with_name("best")


def test_a_folder_without_a_bundle_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadInput, match="no bundle here") as caught:
            open_bundle(folder)
        assert not isinstance(caught.value, BadBundle)


def test_a_new_bundle_replaces_the_old_one(made, bundle):
    (bundle / "left.txt").write_text("from the old one")

    save_bundle(bundle, made.task, [(made.member, 0.5), (made.member, 0.5)], {}, {})

    assert [entry.weight for entry in open_bundle(bundle)[1].members] == [0.5, 0.5]
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["bundle"]
    assert sorted(path.name for path in bundle.iterdir()) == ["bundle.json", "member-0", "member-1"]


def test_a_bundle_that_cannot_be_made_leaves_the_old_one(made, bundle, tmp_path):
    with pytest.raises(BadBundle, match="no whole model"):
        save_bundle(bundle, made.task, [(tmp_path / "none", 1.0)], {}, {})

    assert open_bundle(bundle)[1].members
    bundle.rename(bundle.with_name(".bundle.old"))  # as where a process is killed between the two
    with pytest.raises(BadBundle, match="no whole model"):
        save_bundle(bundle, made.task, [(tmp_path / "none", 1.0)], {}, {})
    assert open_bundle(bundle)[1].members and [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_full_disk_is_one_line_and_leaves_the_old_bundle_and_nothing_half_written(made, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us mount no small disk")
    try:
        save_bundle(disk / "bundle", made.task, [(made.member, 1.0)], {}, {})
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(b"\0" * (free.f_bavail * free.f_bsize - 4096))

        with pytest.raises(CannotWrite, match=r"bundle: cannot be written \(No space left on device\)"):
            save_bundle(disk / "bundle", made.task, [(made.member, 0.5), (made.member, 0.5)], {}, {})

        assert sorted(path.name for path in disk.iterdir()) == ["bundle", "filler"]
        assert len(open_bundle(disk / "bundle")[1].members) == 1
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("name", ["model.safetensors", "states.safetensors", "member.json"])
def test_a_trial_whose_model_is_damaged_is_not_bundled(made, tmp_path, name):
    member = shutil.copytree(made.member, tmp_path / "trial")
    assert not member_damage(member)
    content = bytearray((member / name).read_bytes())
    content[len(content) // 2] ^= 1
    (member / name).write_bytes(content)

    with pytest.raises(BadBundle):
        save_bundle(tmp_path / "bundle", made.task, [(member, 1.0)], {}, {})

    assert name in member_damage(member) and not (tmp_path / "bundle").exists()
