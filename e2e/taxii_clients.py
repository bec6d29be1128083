"""Foreign clients of TAXII 2.1 against a running node, unmodified, over TLS.

  pip install taxii2-client==2.3.0 stix2 stix2-validator
  python e2e/taxii_clients.py target/release/buttress

Starts a node in a temporary folder, adds objects and reads them back with taxii2-client (pages, manifest, versions, add with wait,
delete) and stix2's TAXII collection store."""
import json
import os
import subprocess
import sys
import tempfile
import uuid

# What these name would be trusted in place of the certificate that is handed over.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(name, None)

import stix2  # noqa: E402
from stix2.datastore.taxii import TAXIICollectionSink, TAXIICollectionSource  # noqa: E402
from taxii2client.v21 import Collection, Server, as_pages  # noqa: E402

binary, root, place = sys.argv[1], "joint", "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"


def run(*words, text=None):
    subprocess.run([binary, "node", *words, "--data", data], input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def infrastructure(n, marking):
    return {"type": "infrastructure", "spec_version": "2.1", "id": f"infrastructure--{uuid.uuid4()}", "created": "2026-01-01T00:00:00.000Z",
            "modified": "2026-01-01T00:00:00.000Z", "name": f"asset {n}", "infrastructure_types": ["unknown"], "object_marking_refs": [marking]}


with tempfile.TemporaryDirectory() as data:
    run("root", "add", root)
    run("collection", "add", root, place, "--title", "Energy")
    for name, clearance in (("all", "red"), ("low", "green")):
        where = f"{root}/{place}"
        run("user", "add", name, "--password-stdin", "--clearance", clearance, "--read", where, "--write", where, text="password\n")
    node = subprocess.Popen([binary, "serve", "--data", data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        address = node.stdout.readline().split()[3]
        login = {"verify": f"{data}/certificate.pem", "user": "all", "password": "password"}
        server = Server(address, **login)
        assert [r.title for r in server.api_roots] == [root], server.api_roots
        collection = server.api_roots[0].collections[0]
        green, red = [infrastructure(n, GREEN) for n in range(250)], [infrastructure(n, RED) for n in range(250)]
        mixed = [o for pair in zip(green, red) for o in pair]
        status = collection.add_objects({"objects": mixed}, wait_for_completion=True)
        assert (status.status, status.success_count, status.failure_count) == ("complete", 500, 0), status
        low = Collection(collection.url, **{**login, "user": "low"})
        for reader, expected in ((collection, mixed), (low, green)):
            seen = [o["id"] for page in as_pages(reader.get_objects, per_request=60) for o in page["objects"]]
            assert seen == [o["id"] for o in expected], (len(seen), len(expected))
            listed = [o["id"] for page in as_pages(reader.get_manifest, per_request=60) for o in page["objects"]]
            assert listed == seen
        assert low.get_object(green[0]["id"])["objects"] == [green[0]]
        assert low.object_versions(green[0]["id"])["versions"] == ["2026-01-01T00:00:00.000Z"]
        collection.delete_object(green[0]["id"])
        source = TAXIICollectionSource(low)
        assert source.get(green[1]["id"]).name == green[1]["name"]
        sink = TAXIICollectionSink(low)
        sink.add(stix2.Infrastructure(name="from stix2", infrastructure_types=["unknown"], object_marking_refs=[GREEN]))
        found = source.query([stix2.Filter("type", "=", "infrastructure")])
        assert len(found) == 250, len(found)
        print(json.dumps({"pages": 500, "seen_by_low": len(green), "query_by_stix2": len(found)}))
    finally:
        node.terminate()
        node.wait()
