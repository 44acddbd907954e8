"""A bundle is loaded without trusting it: every flipped bit is found, nothing outside is read, and no code runs."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter

import pytest

from autosft.contracts.document import sha256_of, write_json
from autosft.deploy.bundle import LARGEST_JSON, open_bundle, save_bundle
from autosft.deploy.predictor import Predictor
from autosft.errors import BadBundle

FLIPS = 1000


def undetected(folder):
    """Flip single bits, one at a time, in all files alike; the places of those that nobody noticed."""
    draw, files = random.Random(0), sorted(path for path in folder.rglob("*") if path.is_file())
    missed, seen = [], Counter()
    for number in range(FLIPS):
        file = files[number % len(files)]
        whole = file.read_bytes()
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            open_bundle(folder)
            missed.append((file.name, place, bit))
        except BadBundle as error:
            seen[file.name] += 1
            assert ("\n" not in str(error) and file.name in str(error)) or "schema" in str(error)
        file.write_bytes(whole)
    open_bundle(folder)
    assert seen.total() + len(missed) == FLIPS and len(seen) == len({file.name for file in files})
    return missed


def test_of_a_thousand_flipped_bits_each_is_detected(bundle):
    assert not undetected(bundle)


def test_of_a_thousand_flipped_bits_in_a_bundle_of_real_parts_each_is_detected(texts, tmp_path):
    assert not undetected(shutil.copytree(texts, tmp_path / "texts"))


@pytest.mark.parametrize(("one", "other"), [("1e-05", "1E-05"), ("0.3333333333333333", "0.3333333333333334")])
def test_another_way_to_write_a_number_is_a_change(made, tmp_path, one, other):
    save_bundle(tmp_path / "new", made.task, [(made.member, 1.0)], {}, {"valid": 1 / 3, "small": 1e-05})
    manifest = tmp_path / "new" / "bundle.json"
    text = manifest.read_text()
    assert one in text
    manifest.write_text(text.replace(one, other))

    with pytest.raises(BadBundle, match="damaged"):
        open_bundle(tmp_path / "new")


def resealed(folder, change):
    """The manifest as one would write it who knows how: changed, and with a digest that is right."""
    plain = json.loads((folder / "bundle.json").read_text())
    change(plain)
    plain["digest"] = sha256_of(json.dumps({**plain, "digest": ""}, sort_keys=True).encode())
    write_json(folder / "bundle.json", plain)


def refused(folder, words):
    with pytest.raises(BadBundle, match=words) as caught:
        open_bundle(folder)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/hostname", "member-0/../../secret.json", "a\\..\\b", "", "\x1b[2J", "a\0b"]
)
def test_a_name_that_leads_outside_is_refused(bundle, name):
    (bundle.parent / "secret.json").write_text("{}")
    resealed(bundle, lambda plain: plain["files"].update({name: sha256_of(b"{}")}))

    refused(bundle, "leads out of its folder")


def test_a_member_that_lies_elsewhere_is_refused(made, bundle):
    """Its files would be read without a checksum."""
    resealed(bundle, lambda plain: plain["members"][0].update(folder=str(made.member)))

    refused(bundle, "no checksum of")


@pytest.mark.parametrize("what", ["member-0/model.safetensors", "member-0"])
def test_a_link_to_elsewhere_is_refused(bundle, what):
    (bundle / what).rename(bundle.parent / "elsewhere")
    (bundle / what).symlink_to(bundle.parent / "elsewhere")

    refused(bundle, "leads out of its folder")


def test_links_in_a_circle_are_refused(bundle):
    (bundle / "member-0" / "model.safetensors").unlink()
    (bundle / "member-0" / "model.safetensors").symlink_to("model.safetensors")

    refused(bundle, "leads out of its folder|missing")


def test_a_bundle_may_be_reached_by_a_link(bundle):
    (bundle.parent / "link").symlink_to(bundle)

    assert open_bundle(bundle.parent / "link")[1].members


@pytest.mark.parametrize("weight", [float("nan"), 2.0, -1.0, 0.5, "all"])
def test_a_fraction_that_is_none_is_refused(bundle, weight):
    text = json.dumps(
        {**json.loads((bundle / "bundle.json").read_text()), "members": [{"folder": "member-0", "weight": weight}]}
    )
    (bundle / "bundle.json").write_text(text)

    refused(bundle, "weight")


@pytest.mark.parametrize(
    "change",
    [{"members": []}, {"problem_states": [{}, {}]}, {"schema_version": 0}, {"scores": {"a\nb": "high"}}],
    ids=str,
)
def test_a_manifest_that_contradicts_itself_is_refused(bundle, change):
    resealed(bundle, lambda plain: plain.update(change))

    refused(bundle, "no manifest")


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", "NaN", '{"schema_version": 1e999}', "\ud800"])
def test_json_that_is_no_manifest_is_refused(bundle, text):
    (bundle / "bundle.json").write_bytes(text.encode("utf-8", "surrogatepass"))

    refused(bundle, "no manifest")


def test_a_huge_manifest_is_refused_unread(bundle):
    with (bundle / "bundle.json").open("r+b") as stream:
        stream.truncate(LARGEST_JSON + 1)

    refused(bundle, "bytes of JSON")


def test_what_the_manifest_does_not_name_is_never_read(bundle, made, registry):
    for name in ("model.pkl", "member-0/pytorch_model.bin", "member-0/modeling.py", "__init__.py"):
        (bundle / name).write_text("import os; os._exit(1)")

    assert Predictor.load(bundle, registry=registry).predict([made.trial.valid.ref[0]])


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.update(modality_state=[]),
        lambda plain: plain.update(backbone_state={"values": {}, "arrays": []}),
        lambda plain: plain.update(backbone_state={"values": {"numbers": "many"}, "arrays": []}),
        lambda plain: plain.update(problem_states=[]),
        lambda plain: plain["info"].update(arguments={"width": -1}),
        lambda plain: plain["problem_states"][0].update(arrays=["scale", "more"]),
    ],
)
def test_a_member_that_its_parts_cannot_use_is_refused(made, registry, tmp_path, change):
    """All checksums are right: what is wrong is what they vouch for."""
    member = shutil.copytree(made.member, tmp_path / "member")
    plain = json.loads((member / "member.json").read_text())
    change(plain)
    plain["digest"] = sha256_of(json.dumps({**plain, "digest": ""}, sort_keys=True).encode())
    write_json(member / "member.json", plain)
    shutil.copytree(made.folder, tmp_path / "bundle")
    shutil.copyfile(member / "member.json", tmp_path / "bundle" / "member-0" / "member.json")
    digest = sha256_of((member / "member.json").read_bytes())
    resealed(tmp_path / "bundle", lambda manifest: manifest["files"].update({"member-0/member.json": digest}))

    with pytest.raises(BadBundle) as caught:
        Predictor.load(tmp_path / "bundle", registry=registry)

    assert "\n" not in str(caught.value)
