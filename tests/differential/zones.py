# SPDX-License-Identifier: Apache-2.0
"""Zones that reach into the corners of the answer rules, each with what it is about."""

HEAD = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\n@ IN NS ns2\nns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2\nns2 IN AAAA 2001:db8::2\n"

LONG = ".".join(["l" * 63] * 3)

# What each theme holds besides SOA, NS and the servers' addresses; {n} tells its variants apart.
THEMES = {
    # RFC 1034 4.3.2: plain data
    "plain": "www IN A 192.0.2.8{n}\nwww IN AAAA 2001:db8::8{n}\n@ IN MX 10 mail\n@ IN TXT \"apex {n}\"\nmail IN A 192.0.2.25\n"
             "txt IN TXT \"one\" \"two\"\nmulti IN A 192.0.2.1\nmulti IN A 192.0.2.2\nmulti IN A 192.0.2.3\n",
    # RFC 4592: wildcards at depth, wildcard beside names, types that the wildcard lacks
    "wild": "* IN TXT \"top\"\n*.a IN A 192.0.2.1{n}\nx.a IN MX 10 mail.a\n*.b.c IN AAAA 2001:db8::1\nhost.b.c IN A 192.0.2.2\n"
            "sub.host.b.c IN A 192.0.2.3\n",
    # RFC 4592 2.2.1: the example zone of the RFC
    "rfc4592": "*.@z IN TXT \"this is a wildcard\"\n*.@z IN MX 10 host1\nsub.*.@z IN TXT \"this is not a wildcard\"\nhost1 IN A 192.0.2.1\n"
               "_ssh._tcp.host1 IN SRV 0 0 22 host1\n_ssh._tcp.host2 IN SRV 0 0 22 host1\nsubdel IN NS ns.other.invalid.\n",
    # RFC 4592 4.5, 4.6: wildcard CNAME
    "wildcname": "*.w IN CNAME target\ntarget IN A 192.0.2.9\n*.out IN CNAME far.away.invalid.\n*.chain IN CNAME x.w\n*.nx IN CNAME gone\n",
    # RFC 4592 4.2: wildcard NS is not used here (its meaning is open); a wildcard at and below cuts
    "wildcut": "cut IN NS ns.cut\nns.cut IN A 198.51.100.1\n*.cut IN A 198.51.100.9\n* IN A 192.0.2.99\nother IN A 192.0.2.98\n",
    # RFC 4592 2.2.2: empty non-terminals
    "ent": "a.b.c.d IN A 192.0.2.1\nx.y IN TXT \"deep\"\n*.e.f IN A 192.0.2.2\nz.g.*.h IN A 192.0.2.3\n",
    # RFC 6672
    "dname": "old IN DNAME new\nnew IN A 192.0.2.1\na.new IN A 192.0.2.2\nb.a.new IN TXT \"deep\"\nout IN DNAME out.invalid.\n"
             "hop IN DNAME old\nown.data IN A 192.0.2.7\ndata IN A 192.0.2.8\n",
    # RFC 6672 2.2: the new name is too long
    "dnamelong": f"d IN DNAME {LONG}.t\n" + "ok IN A 192.0.2.1\n",
    # CNAME chains and loops
    "cname": "a IN CNAME b\nb IN CNAME c\nc IN CNAME d\nd IN A 192.0.2.4\nloop1 IN CNAME loop2\nloop2 IN CNAME loop1\n"
             "self IN CNAME self\nout IN CNAME www.elsewhere.invalid.\ngone IN CNAME nothing\nnodata IN CNAME txt\ntxt IN TXT \"x\"\n"
             "tocut IN CNAME www.sub\nsub IN NS ns.sub\nns.sub IN A 198.51.100.3\n",
    # RFC 1034 4.2.1, RFC 9471: delegations with in-domain and sibling glue, without glue, occluded data
    "cut": "in IN NS ns.in\nin IN NS ns2.in\nns.in IN A 198.51.100.1\nns.in IN AAAA 2001:db8:1::1\nns2.in IN A 198.51.100.2\n"
           "sib IN NS ns.in\nsib IN NS ns.other\nother IN NS ns.other\nns.other IN A 198.51.100.5\nfar IN NS ns.far.invalid.\n"
           "own IN NS ns1\ndeep.er.cut IN NS ns.deep.er.cut\nns.deep.er.cut IN A 198.51.100.6\n",
    # RFC 4035 3.1.4: secure delegations
    "secure": "sec IN NS ns.sec\nsec IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n"
              "ns.sec IN A 198.51.100.1\ninsec IN NS ns.insec\nns.insec IN A 198.51.100.2\na.insec2 IN NS ns.invalid.\n",
    # additional data: MX, SRV, and services (RFC 1035 3.3.9, RFC 2782, RFC 9460 4.1)
    "extra": "@ IN MX 10 m1\n@ IN MX 20 m2\nm1 IN A 192.0.2.1\nm1 IN AAAA 2001:db8::1\nm2 IN A 192.0.2.2\n_sip._udp IN SRV 0 5 5060 sip\n"
             "sip IN A 192.0.2.3\nout IN MX 10 mail.invalid.\ntwice IN MX 1 m1\ntwice IN MX 2 m1\n",
    "svcb": "@ IN HTTPS 1 . alpn=h2\nwww IN HTTPS 0 svc\nsvc IN HTTPS 1 . alpn=h3 port=8443\nsvc IN A 192.0.2.7\n_8443._foo.api IN SVCB 1 svc4 alpn=bar\nsvc4 IN A 192.0.2.8\n",
    # RFC 3597 and many types
    "types": "u IN TYPE65280 \\# 4 01020304\nu IN TYPE731 \\# 0\ncaa IN CAA 0 issue \"ca.invalid\"\nloc IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n"
             "naptr IN NAPTR 100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp.naptr\nsshfp IN SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789\n"
             "tlsa IN TLSA 3 1 1 0D6FCE13243AA7BB3A6D6F4E4E5A5C5B5E5F6061626364656667686970717273\nhinfo IN HINFO \"PC\" \"OS\"\nrp IN RP a.b c.d\n"
             "ptr IN PTR www.host.invalid.\nuri IN URI 10 1 \"https://www.invalid/\"\n",
    # names: escapes, binary octets, case, long labels and names
    "names": "a\\.b IN A 192.0.2.1\nwith\\ space IN A 192.0.2.2\n\\000\\001\\255 IN A 192.0.2.3\nMiXeD IN TXT \"Case\"\nx\\\"y IN A 192.0.2.4\n"
             + "l" * 63 + " IN A 192.0.2.5\n" + LONG + " IN A 192.0.2.6\n_under.score IN A 192.0.2.7\n\\200.hi IN A 192.0.2.8\n",
    # order of names in the chain (RFC 4034 6.1)
    "order": "a IN A 192.0.2.1\nyljkjljk.a IN A 192.0.2.2\nZ.a IN A 192.0.2.3\nzABC.a IN A 192.0.2.4\nz IN A 192.0.2.5\n\\001.z IN A 192.0.2.6\n"
             "*.z IN A 192.0.2.7\n\\200.z IN A 192.0.2.8\n",
    # big RRsets
    "big": "".join(f"many IN A 192.0.2.{{0}}\n".format(i) for i in range(1, 120)) + "".join(f"t IN TXT \"{'x' * 200}{i}\"\n" for i in range(20)),
    # data below a cut is occluded (RFC 2136 7.18); below a DNAME NSD, Knot and PowerDNS refuse the zone
    "occluded": "t IN TXT \"t\"\nc IN NS ns.invalid.\nx.c IN TXT \"hidden\"\ny.x.c IN NS n.invalid.\n",
}


def zones():
    """{name: text}: three or four variants of each theme, some nested in one another."""
    made = {}
    for theme, body in THEMES.items():
        for n in range(1, 4):
            name = f"{theme}{n}.test."
            text = HEAD + body.replace("{n}", str(n)).replace("@z", "example")
            made[name] = text
    # Zones with parents and children that are ours too (RFC 1034 4.3.2 step 2: the nearest one).
    made["nest.test."] = HEAD + ("child IN NS ns1.child\nns1.child IN A 192.0.2.1\nchild IN DS 1 13 2 " + "00" * 32 + "\n"
                                 "grand.child IN A 192.0.2.66\nwww IN CNAME www.child\nup IN A 192.0.2.5\nmx IN MX 10 ns1.child\n*.w IN CNAME a.grand.child\n")
    made["child.nest.test."] = HEAD + "www IN A 192.0.2.80\nback IN CNAME up.nest.test.\ngrand IN NS ns1.grand\nns1.grand IN A 192.0.2.1\n"
    made["grand.child.nest.test."] = HEAD + "a IN A 192.0.2.81\nloop IN CNAME loop.nest.test.\nd IN DNAME child.nest.test.\n"
    made["apexonly.test."] = "$TTL 60\n@ IN SOA . . 1 1 1 1 1\n@ IN NS ns.invalid.\n"
    made["2.0.192.in-addr.arpa."] = HEAD.replace("ns1 IN", "ns1 IN") + "1 IN PTR a.test.\n*.2 IN PTR b.test.\n0/25 IN NS ns.invalid.\n5 IN CNAME 5.0/25\n"
    made["xn--bcher-kva.test."] = HEAD + "* IN A 192.0.2.1\nwww IN CNAME @\n"
    return made


ROOT = {".": "$TTL 3600\n. IN SOA a.root. h.root. 1 7200 3600 1209600 300\n. IN NS a.root.\na.root. IN A 192.0.2.1\ntld. IN NS ns.tld.\nns.tld. IN A 198.51.100.1\n"
             "sec. IN NS ns.sec.\nsec. IN DS 12345 13 2 " + "AB" * 32 + "\nns.sec. IN A 198.51.100.2\n*.wild. IN TXT \"w\"\nx.y.z. IN A 192.0.2.7\n"}
