#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tsig_vectors.h: transactions signed by dnspython, an implementation of RFC 8945 that shares nothing with ours."""
import time

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig

AT = 1800000000
SECRET = bytes(range(1, 41))
time.time = lambda: float(AT)
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def c_bytes(wire):
    rows = [", ".join(f"0x{b:02x}" for b in wire[i:i + 15]) for i in range(0, len(wire), 15)]
    return "\t{ " + ",\n\t  ".join(rows) + " }"


def answer(query, n, key, request_mac, ctx, signed):
    m = dns.message.make_response(query)
    m.answer.append(dns.rrset.from_text("example.com.", 300, "IN", "TXT", f'"message {n}"'))
    m.request_mac = request_mac
    if signed:
        m.use_tsig(key)
    else:
        m.tsig = None
        m.keyring = None
    wire = m.to_wire(multi=signed, tsig_ctx=ctx) if signed else m.to_wire()
    return m, wire


def transaction(algorithm):
    key = dns.tsig.Key("key.example.", SECRET, algorithm)
    q = dns.message.make_query("example.com.", "AXFR", id=0x1234)
    q.use_tsig(key, original_id=0x1234)
    request = q.to_wire()
    wires, ctx = [request], None
    first, wire = answer(q, 1, key, q.mac, None, True)
    wires.append(wire)
    ctx = first.tsig_ctx
    _, wire = answer(q, 2, key, None, None, False)  # no TSIG: goes into the digest of the next
    wires.append(wire)
    ctx.update(wire)
    third, wire = answer(q, 3, key, None, ctx, True)
    wires.append(wire)
    return wires


def main():
    print("// SPDX-License-Identifier: Apache-2.0")
    print("/*\n * tsig_vectors.h -- made by make_tsig_vectors.py with dnspython.\n */")
    print("#ifndef TESTS_UNIT_TSIG_VECTORS_H\n#define TESTS_UNIT_TSIG_VECTORS_H\n\n#include <stddef.h>\n#include <stdint.h>\n")
    print(f"#define VECTORS_AT {AT}\n")
    print("/* A request, and an answer of three messages of which the second is not signed. */")
    print("struct tsig_vector {\n\tconst char *algorithm;\n\tsize_t len[4];\n\tuint8_t wire[4][300];\n};\n")
    print("/* clang-format off */\nstatic const struct tsig_vector VECTORS[] = {")
    for a in ALGORITHMS:
        wires = transaction(a)
        print(f'{{ "{a}", {{ {", ".join(str(len(w)) for w in wires)} }}, {{')
        print(",\n".join(c_bytes(w) for w in wires))
        print("} },")
    print("};\n/* clang-format on */\n\n#endif")


main()
