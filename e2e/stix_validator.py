"""What we emit against the OASIS stix2-validator, and our extensions against their own schemas.

    python3 -m venv venv && venv/bin/pip install stix2-validator jsonschema
    venv/bin/python e2e/stix_validator.py target/release/buttress [report folder] [case folder]

Without a report the case by hand is assessed first, with a threat and a measure added. Works offline: the validator brings its
schemas.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import jsonschema
from stix2validator import ValidationOptions, validate_string

HERE = pathlib.Path(__file__).resolve().parent
BY_HAND = HERE.parent / "cases" / "by_hand_two_countries"
PLACE = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
# 103: identifiers are made from names (UUID version 5), so that an asset has one at every node.
# 202: `depends-on` is ours; STIX permits any word for a relationship.
TOLERATED = "103,202"
STORM = {
    "threats.csv": "key,name,class,rate_central,source\nthreat.storm,A storm over B,natural,0.1,hand\n",
    "threat_effects.csv": "owner,action,select\nthreat.storm,take_out,key:bus.b2\n",
    "measures.csv": "key,name,class,cost_low_meur,cost_central_meur,cost_high_meur,source\n"
    "measure.spares,Spare transformers,palliative,1,2,3,hand\n",
    "measure_effects.csv": "owner,action,select,value\nmeasure.spares,speed_repair,kind:substation,0.3\n",
}


def main(buttress, report=None, case=None):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def run(*args, code=(0, 1)):
            done = subprocess.run([buttress, *map(str, args)], cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode in code, (args, done.stderr)
            return done.stdout

        if report is None:
            case = folder / "case"
            shutil.copytree(BY_HAND / "case", case)
            for name, text in STORM.items():
                (case / name).write_text(text, encoding="utf-8")
            report = folder / "report"
            run("assess", case, "--study", BY_HAND / "study.toml", "--out", report, "--budget", 100)
        of_case = [] if case is None else ["--case", case]
        by = ["--by", "Authority of A", *of_case]
        label = ["--label", "NATO/UNCLASSIFIED", "--releasable-to", "EU,FI"]
        run("share", "publish", report, *by, *label, "--out", "whole.json")
        run("share", "publish", report, *by, "--weakness", "1", "--marking", "green", "--out", "one.json")
        run("node", "root", "add", "joint", "--data", "node")
        run("node", "collection", "add", "joint", PLACE, "--title", "Energy", "--data", "node")
        run("node", "publish-definitions", "joint", "--data", "node")
        to = ["--to", f"joint/{PLACE}", "--data", "node"]
        run("share", "publish", report, *by, *label, *to)
        add = ["share", "lesson", "add", "Anchors over cables", "--text", "A vessel dragged its anchor.", "--by", "Coast guard of A"]
        lesson = json.loads(run(*add, "--sector", "digital", *to, "--json"))["lesson"]
        step = ["share", "lesson", "promote", lesson, "--by", "Coast guard of A", "--evidence", "Track and damage agree."]
        within = ["--in", f"joint/{PLACE}", "--data", "node"]
        run(*step, "--cause", "No watch", "--remedy", "Watch speed over cables", "--who", "Traffic service", *within)
        tags = {"namespace": "sea", "description": "What happens at sea", "version": 1, "predicates": [{"value": "anchor", "expanded": "Anchor"}]}
        (folder / "machinetag.json").write_text(json.dumps(tags), encoding="utf-8")
        groups = {"name": "Groups", "type": "threat-actor", "uuid": PLACE, "version": 1, "values": [
            {"value": "Red Fox", "uuid": "0d2c1a52-3a43-4f2a-9b1e-6f0a4f3f2b11", "description": "A group", "meta": {"synonyms": ["RF"]}}]}
        (folder / "groups.json").write_text(json.dumps(groups), encoding="utf-8")
        for name in ("machinetag.json", "groups.json"):
            run("share", "import", name, "--by", "Authority of A", *to)
        sets = {name: json.loads((folder / name).read_text(encoding="utf-8"))["objects"] for name in ("whole.json", "one.json")}
        sets["collection"] = kept(folder / "node" / "node.db")
        schemas = {o["id"]: json.loads(o["schema"]) for o in sets["collection"] if o["type"] == "extension-definition"}
        assert len(schemas) == 13, sorted(schemas)
        for schema in schemas.values():
            jsonschema.Draft202012Validator.check_schema(schema)
        told = {name: check(name, objects, schemas) for name, objects in sets.items()}
        used = {extension for objects in sets.values() for o in objects for extension in o.get("extensions", {}) if extension in schemas}
        print(json.dumps({"sets": told, "extensions_used": len(used)}))


def kept(database):
    import sqlite3

    with sqlite3.connect(database) as connection:
        return [json.loads(text) for (text,) in connection.execute("SELECT text FROM object ORDER BY added")]


def check(name, objects, schemas):
    """Number of objects and of extensions that were checked."""
    options = ValidationOptions(version="2.1", disabled=TOLERATED)
    bundle = {"type": "bundle", "id": "bundle--0d2c1a52-3a43-4f2a-9b1e-6f0a4f3f2b11", "objects": objects}
    results = validate_string(json.dumps(bundle), options)
    assert results.is_valid, [str(e) for e in results.errors]
    warnings = [str(w) for w in results.warnings]
    assert not warnings, warnings
    extensions = 0
    for one in objects:
        for extension, body in one.get("extensions", {}).items():
            if extension in schemas:
                extensions += 1
                jsonschema.validate(body, schemas[extension], cls=jsonschema.Draft202012Validator)
    assert extensions > 2, name
    return {"objects": len(objects), "extensions": extensions}


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()), *map(lambda p: str(pathlib.Path(p).resolve()), sys.argv[2:]))
