#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes zonemd_vectors.h: the zones of RFC 8976 appendix A as records of a spool (dnspython reads them, and makes no digest)."""
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

SOA = "example. 86400 SOA ns1 admin 2018031900 1800 900 604800 86400\n"
NS = "example. 86400 NS ns1\nexample. 86400 NS ns2\n"
ZONES = {
    "SIMPLE": SOA + NS + """example. 86400 ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
ns1 3600 A 203.0.113.63
ns2 3600 AAAA 2001:db8::63
""",
    "COMPLEX": SOA + NS + """example. 86400 ZONEMD 2018031900 1 1 a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe
ns1 3600 A 203.0.113.63
NS2 3600 AAAA 2001:db8::63
occluded.sub 7200 TXT "I'm occluded but must be digested"
sub 7200 NS ns1
duplicate 300 TXT "I must be digested just once"
duplicate 300 TXT "I must be digested just once"
foo.test. 555 TXT "out-of-zone data must be excluded"
UPPERCASE 3600 TXT "canonicalize uppercase owner names"
* 777 PTR dont-forget-about-wildcards
mail 3600 MX 20 MAIL1
mail 3600 MX 10 Mail2.Example.
sortme 3600 AAAA 2001:db8::5:61
sortme 3600 AAAA 2001:db8::3:62
sortme 3600 AAAA 2001:db8::4:63
sortme 3600 AAAA 2001:db8::1:65
sortme 3600 AAAA 2001:db8::2:64
non-apex 900 ZONEMD 2018031900 1 1 616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765
""",
    "SEVERAL": SOA + NS + """example. 86400 ZONEMD 2018031900 1 1 62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306
example. 86400 ZONEMD 2018031900 1 2 08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27
example. 86400 ZONEMD 2018031900 1 240 e2d523f654b9422a96c5a8f44607bbee
example. 86400 ZONEMD 2018031900 241 1 e1846540e33a9e4189792d18d5d131f605fc283e
ns1 3600 A 203.0.113.63
ns2 86400 TXT "This example has multiple digests"
NS2.EXAMPLE. 3600 AAAA 2001:db8::63
""",
}
ORIGIN = dns.name.from_text("example.")


def rdata_of(kind, rdata):
    if kind != dns.rdatatype.ZONEMD:
        return dns.rdata.from_text(dns.rdataclass.IN, kind, rdata, ORIGIN, relativize=False).to_wire()
    serial, scheme, algorithm, digest = rdata.split()  # dnspython takes no kinds that it does not know
    return int(serial).to_bytes(4, "big") + bytes([int(scheme), int(algorithm)]) + bytes.fromhex(digest)


def octets(text):
    out = b""
    for line in text.splitlines():
        owner, ttl, rdtype, rdata = line.split(None, 3)
        kind = dns.rdatatype.from_text(rdtype)
        wire = rdata_of(kind, rdata)
        out += dns.name.from_text(owner, ORIGIN).to_wire()
        out += int(kind).to_bytes(2, "big") + int(ttl).to_bytes(4, "big") + len(wire).to_bytes(2, "big") + wire
    return out


print("// SPDX-License-Identifier: Apache-2.0\n/* Made by make_zonemd_vectors.py: zones of RFC 8976 appendix A. */\n"
      "#ifndef ZONEMD_VECTORS_H\n#define ZONEMD_VECTORS_H\n\n#include <stdint.h>\n")
for name, text in ZONES.items():
    o = octets(text)
    print(f"static const uint8_t {name}[] = {{")
    for i in range(0, len(o), 16):
        print("\t" + " ".join(f"0x{b:02x}," for b in o[i:i + 16]))
    print("};\n")
print("#endif")
