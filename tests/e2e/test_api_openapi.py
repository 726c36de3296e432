# SPDX-License-Identifier: Apache-2.0
"""The document of the interface (docs/openapi.yaml) against the table of routes and against real answers."""
import pathlib

import jsonschema
import pytest
import yaml

from lab.web import Access
from test_keys import p256

ZONE = "example."
DOCUMENT = yaml.safe_load((pathlib.Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())


@pytest.fixture
def web(concord):
    c = concord(start=False)
    a = Access(c)
    token = a.token("all", "read,keys,operate")
    a.write()
    c.start()
    return a.web(token)


def operations():
    return {(m.upper(), p): o for p, ops in DOCUMENT["paths"].items() for m, o in ops.items()}


def conform(answer, operation):
    """That an answer is one that the document promises."""
    described = operation["responses"].get(str(answer.status), operation["responses"]["default"])
    if "$ref" in described:
        described = DOCUMENT["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
    content = described.get("content", {})
    kind = answer.type.split(";")[0]
    assert kind in content, (answer, sorted(content))
    if "json" in kind:
        schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json)
    for header in described.get("headers", {}):
        assert header in answer.headers, (header, answer)


def test_the_document_and_the_table_name_the_same_operations_and_scopes(web):
    served = {(r["method"], r["path"]): r["scope"] for r in web.get("/v1").json["routes"]}
    assert served == {k: o["x-scope"] for k, o in operations().items()}


def test_the_document_is_whole():
    """Every reference leads somewhere, every part of a path is a parameter, every operation has a name of its own."""
    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            for v in node.values():
                yield from references(v)
        elif isinstance(node, list):
            for v in node:
                yield from references(v)

    for reference in references(DOCUMENT):
        node = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    names = [o["operationId"] for o in operations().values()]
    assert len(set(names)) == len(names)
    for (_, path), o in operations().items():
        given = [DOCUMENT["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] for p in o.get("parameters", [])]
        assert {p["name"] for p in given if p["in"] == "path"} == {part[1:-1] for part in path.split("/") if part.startswith("{")}
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_document_is_served_as_it_stands_in_the_tree(web):
    got = web.get("/v1/openapi.yaml")
    assert got.status == 200 and got.type == "text/yaml" and yaml.safe_load(got.body) == DOCUMENT


def test_real_answers_are_as_the_document_says(web):
    keys = f"/v1/zones/{ZONE}/peers/bind/keys"
    one, two = f"256 3 13 {p256()}", f"256 3 13 {p256()}"
    calls = [
        ("GET", "/v1", "/v1", None), ("GET", "/v1/status", "/v1/status", None), ("GET", "/v1/stats", "/v1/stats", None),
        ("POST", "/v1/reload", "/v1/reload", None), ("GET", "/metrics", "/metrics", None), ("GET", "/v1/zones", "/v1/zones", None),
        ("GET", "/v1/explain", "/v1/explain?name=www.example.&type=A&client=192.0.2.1", None),
        ("GET", "/v1/explain", "/v1/explain?name=www.example.&type=A", None),
        ("GET", "/v1/policy", "/v1/policy?name=www.example.&type=A", None),
        ("GET", "/v1/zones/{zone}", f"/v1/zones/{ZONE}", None), ("GET", "/v1/zones/{zone}", "/v1/zones/none.test.", None),
        ("POST", "/v1/zones/{zone}/keys", f"/v1/zones/{ZONE}/keys", {"generate": "zsk"}),
        ("POST", "/v1/zones/{zone}/keys", f"/v1/zones/{ZONE}/keys", {"generate": "nonsense"}),
        ("GET", "/v1/zones/{zone}/keys", f"/v1/zones/{ZONE}/keys", None),
        ("DELETE", "/v1/zones/{zone}/keys/{key}", f"/v1/zones/{ZONE}/keys/1", None),
        ("GET", "/v1/zones/{zone}/dnskey", f"/v1/zones/{ZONE}/dnskey?role=zsk", None),
        ("GET", "/v1/zones/{zone}/signed/{type}", f"/v1/zones/{ZONE}/signed/DNSKEY", None),
        ("GET", "/v1/zones/{zone}/signed/{type}", f"/v1/zones/{ZONE}/signed/CDS", None),
        ("PUT", "/v1/zones/{zone}/cds", f"/v1/zones/{ZONE}/cds", None), ("DELETE", "/v1/zones/{zone}/cds", f"/v1/zones/{ZONE}/cds", None),
        ("GET", "/v1/zones/{zone}/peers/{peer}/keys", keys, None),
        ("PUT", "/v1/zones/{zone}/peers/{peer}/keys", keys, {"keys": [one, two], "If-None-Match": "*"}),
        ("GET", "/v1/zones/{zone}/peers/{peer}/keys", keys, None), ("GET", "/v1/zones/{zone}/peers", f"/v1/zones/{ZONE}/peers", None),
        ("POST", "/v1/zones/{zone}/keys", f"/v1/zones/{ZONE}/keys", {"dnskey": one}),
        ("DELETE", "/v1/zones/{zone}/peers/{peer}/keys", keys, None), ("GET", "/v1/audit", "/v1/audit?max=5", None),
        ("GET", "/v1/health", "/v1/health", None),
        ("GET", "/v1/zones/{zone}/export", f"/v1/zones/{ZONE}/export", None),
        ("GET", "/v1/zones/{zone}/export", f"/v1/zones/{ZONE}/export?signed=yes", None),
        ("GET", "/v1/zones/{zone}/changes", f"/v1/zones/{ZONE}/changes", None),
    ]
    statuses = set()
    for method, pattern, path, body in calls:
        headers = {"If_None_Match": body.pop("If-None-Match")} if body and "If-None-Match" in body else {}
        got = web.ask(method, path, body, **headers)
        conform(got, operations()[method, pattern])
        statuses.add(got.status)
    assert statuses >= {200, 400, 404, 409, 428}, statuses
