# SPDX-License-Identifier: Apache-2.0
"""A validator of its own on dnspython: is this answer secure under that DNSKEY set, and that set under this DS?

It knows nothing of how an answer came about. RFC 4035 section 5; NSEC proofs by section 5.4 and RFC 4592; NSEC3 by RFC 5155 section 8; compact
denial by RFC 9824."""
import base64

import dns.dnssec
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class Bogus(Exception):
    """Why an answer does not validate."""


def signatures(section, owner, rdtype):
    for rrset in section:
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.name == owner and rrset.covers == rdtype:
            return rrset
    return None


def tags_of(answer):
    """Of the keys that its signatures name."""
    return {r.key_tag for rrset in answer.answer + answer.authority if rrset.rdtype == dns.rdatatype.RRSIG for r in rrset}


def bearing(answer, keys):
    """The keys on which the answer's validity depends: under the same ones it needs no second look."""
    tags = tags_of(answer)
    return frozenset(k.to_digestable() for k in keys if dns.dnssec.key_id(k) in tags)


def check_rrset(rrset, section, zone, keys, now=None):
    """Validates one RRset, at a Unix time (now, unless told); returns the label count of its signature."""
    sigs = signatures(section, rrset.name, rrset.rdtype)
    if sigs is None:
        raise Bogus(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} is not signed")
    try:
        dns.dnssec.validate(rrset, sigs, {zone: keys}, now=now)
    except dns.dnssec.ValidationFailure as e:
        raise Bogus(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}: {e}") from None
    return min(s.labels for s in sigs)


def check_keys(answer, zone, ds_set, now=None):
    """The DNSKEY RRset of an answer, validated by a key that a DS names."""
    keys = answer.find_rrset(answer.answer, zone, dns.rdataclass.IN, dns.rdatatype.DNSKEY)
    for key in keys:
        for ds in ds_set:
            if dns.dnssec.key_id(key) != ds.key_tag or key.algorithm != ds.algorithm:
                continue
            if dns.dnssec.make_ds(zone, key, ds.digest_type) != ds:
                continue
            trusted = dns.rrset.from_rdata(zone, keys.ttl, key)
            try:
                check_rrset(keys, answer.answer, zone, trusted, now)
                return keys
            except Bogus:
                continue
    raise Bogus(f"no key of {zone} that a DS names signs the DNSKEY set")


# ---- denial ----

def covers(nsec_owner, nsec, name, zone):
    """The name lies strictly between owner and next name, the last one wrapping to the apex (RFC 4034 section 4.1.1)."""
    following = nsec.next
    if nsec_owner < following:
        return nsec_owner < name < following
    return name > nsec_owner or name < following


def has_type(nsec, rdtype):
    for window, bitmap in nsec.windows:
        if window == rdtype >> 8:
            byte = (rdtype & 0xFF) // 8
            if byte < len(bitmap) and bitmap[byte] & (0x80 >> (rdtype % 8)):
                return True
    return False


def nsecs(answer):
    return [(r.name, r[0]) for r in answer.authority if r.rdtype == dns.rdatatype.NSEC]


def is_denied(records, name, zone):
    """Some NSEC covers the name, and is no ancestor cut's (RFC 4035 section 5.4, RFC 6840 section 4.1)."""
    for owner, nsec in records:
        if not covers(owner, nsec, name, zone):
            continue
        at_cut = has_type(nsec, dns.rdatatype.NS) and not has_type(nsec, dns.rdatatype.SOA)
        if name.is_subdomain(owner) and (at_cut or has_type(nsec, dns.rdatatype.DNAME)):
            continue
        return (owner, nsec)
    return None


def closest_encloser(name, proof):
    owner, nsec = proof
    best = dns.name.root
    for other in (owner, nsec.next):
        common = name.fullcompare(other)[2]
        candidate = dns.name.Name(name.labels[len(name.labels) - common:])
        if len(candidate.labels) > len(best.labels):
            best = candidate
    return best


def wildcard_of(encloser):
    return dns.name.Name((b"*",) + encloser.labels)


# ---- denial by hashes (RFC 5155 section 8) ----

def nsec3s(answer):
    return [(r.name.labels[0].decode().upper(), r[0]) for r in answer.authority if r.rdtype == dns.rdatatype.NSEC3]


def hash_of(name, nsec3):
    return dns.dnssec.nsec3_hash(name, nsec3.salt, nsec3.iterations, nsec3.algorithm)


def base32hex(raw):
    return base64.b32encode(raw).translate(bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV")).decode()


def matching3(records, name):
    return next((r for owner, r in records if owner == hash_of(name, r)), None)


def covering3(records, name):
    for owner, r in records:
        hashed, following = hash_of(name, r), base32hex(r.next)
        if (owner < hashed < following) if owner < following else (hashed > owner or hashed < following):
            return r
    return None


def closest_encloser3(records, name, zone):
    """The closest encloser and the name one label longer, both proved (section 8.3)."""
    closer = name
    while closer != zone:
        parent = closer.parent()
        match = matching3(records, parent)
        if match is not None and covering3(records, closer) is not None:
            at_cut = has_type(match, dns.rdatatype.NS) and not has_type(match, dns.rdatatype.SOA)
            if at_cut or has_type(match, dns.rdatatype.DNAME):
                raise Bogus(f"the closest encloser of {name} is a cut or owns DNAME")
            return parent
        closer = parent
    raise Bogus(f"no closest encloser is proved for {name}")


def check_name_error3(answer, name, zone):
    records = nsec3s(answer)
    encloser = closest_encloser3(records, name, zone)
    if covering3(records, wildcard_of(encloser)) is None:
        raise Bogus(f"nothing denies a wildcard for {name}")


def check_no_data3(answer, name, rdtype, zone):
    records = nsec3s(answer)
    match = matching3(records, name)
    if match is None:
        match = matching3(records, wildcard_of(closest_encloser3(records, name, zone)))
    elif rdtype != dns.rdatatype.DS and has_type(match, dns.rdatatype.NS) and not has_type(match, dns.rdatatype.SOA):
        raise Bogus(f"the NSEC3 of {name} is the parent's")
    if match is None or has_type(match, rdtype) or has_type(match, dns.rdatatype.CNAME):
        raise Bogus(f"nothing says that {name} has no such type")


NXNAME = 128


def says_nxname(answer, name):
    """RFC 9824 section 3.1: the NSEC of the very name has RRSIG, NSEC and NXNAME, and nothing else."""
    for owner, nsec in nsecs(answer):
        if owner == name and has_type(nsec, NXNAME):
            if nsec.windows != [(0, bytes(5) + b"\x03" + bytes(10) + b"\x80")] and tuple(nsec.windows) != ((0, bytes(5) + b"\x03" + bytes(10) + b"\x80"),):
                raise Bogus(f"the NSEC of {name} has NXNAME and more")
            return True
    return False


def check_name_error(answer, name, zone):
    if nsec3s(answer):
        check_name_error3(answer, name, zone)
        return
    if says_nxname(answer, name):
        return
    proof = is_denied(nsecs(answer), name, zone)
    if proof is None:
        raise Bogus(f"nothing denies {name}")
    if is_denied(nsecs(answer), wildcard_of(closest_encloser(name, proof)), zone) is None:
        raise Bogus(f"nothing denies a wildcard for {name}")


def check_no_data(answer, name, rdtype, zone):
    if nsec3s(answer):
        check_no_data3(answer, name, rdtype, zone)
        return
    records = nsecs(answer)
    for owner, nsec in records:
        if owner == name:
            if has_type(nsec, rdtype) or has_type(nsec, dns.rdatatype.CNAME):
                raise Bogus(f"the NSEC of {name} has the type that is denied")
            if rdtype != dns.rdatatype.DS and has_type(nsec, dns.rdatatype.NS) and not has_type(nsec, dns.rdatatype.SOA):
                raise Bogus(f"the NSEC of {name} is the parent's")
            return
    for owner, nsec in records:  # an empty non-terminal: the next name lies below it
        if covers(owner, nsec, name, zone) and nsec.next.is_subdomain(name):
            return
    proof = is_denied(records, name, zone)
    if proof is None:
        raise Bogus(f"nothing says that {name} has no such type")
    wildcard = wildcard_of(closest_encloser(name, proof))
    for owner, nsec in records:
        if owner == wildcard and not has_type(nsec, rdtype) and not has_type(nsec, dns.rdatatype.CNAME):
            return
        if covers(owner, nsec, wildcard, zone) and nsec.next.is_subdomain(wildcard):
            return
    raise Bogus(f"nothing says that the wildcard for {name} has no such type")


# ---- whole answers ----

def data(section):
    return [r for r in section if r.rdtype != dns.rdatatype.RRSIG]


def check_expansion(answer, rrset, labels, zone):
    """A wildcard's answer needs the proof that nothing closer exists (RFC 4035 section 5.3.4)."""
    own = len(rrset.name.labels) - 1 - (1 if rrset.name.is_wild() else 0)
    if labels == own:
        return
    if labels > own:
        raise Bogus(f"{rrset.name}: more labels signed than there are")
    closer = dns.name.Name(rrset.name.labels[len(rrset.name.labels) - 1 - labels - 1:])
    denied = covering3(nsec3s(answer), closer) if nsec3s(answer) else is_denied(nsecs(answer), closer, zone)
    if denied is None:
        raise Bogus(f"{rrset.name} comes from a wildcard, but nothing denies {closer}")


def is_synthesized(rrset, section):
    """A CNAME below a DNAME of the same answer is not signed (RFC 6672 section 5.3.1)."""
    return rrset.rdtype == dns.rdatatype.CNAME and any(
        r.rdtype == dns.rdatatype.DNAME and rrset.name != r.name and rrset.name.is_subdomain(r.name) for r in section)


def check_answer(answer, zone, keys, now=None):
    """Raises Bogus unless every part of the answer validates under the keys, with the proofs it needs."""
    question = answer.question[0]
    for rrset in data(answer.answer):
        if not is_synthesized(rrset, answer.answer):
            check_expansion(answer, rrset, check_rrset(rrset, answer.answer, zone, keys, now), zone)
    # An alias may lead to a cut: then the answer is authoritative and a referral.
    referral = any(r.rdtype == dns.rdatatype.NS and r.name != zone for r in answer.authority)
    for rrset in data(answer.authority):
        if not (referral and rrset.rdtype == dns.rdatatype.NS):
            check_rrset(rrset, answer.authority, zone, keys, now)
    name, seen = question.name, set()
    while name not in seen:
        seen.add(name)
        alias = [r for r in answer.answer if r.rdtype == dns.rdatatype.CNAME and r.name == name]
        if not alias or question.rdtype in (dns.rdatatype.CNAME, dns.rdatatype.ANY):
            break
        name = alias[0][0].target
    else:
        return  # a loop of aliases: what is there is signed, and nothing is denied
    if not name.is_subdomain(zone) or referral:
        return
    if answer.rcode() == dns.rcode.NXDOMAIN:
        check_name_error(answer, name, zone)
    elif answer.rcode() == dns.rcode.NOERROR and not any(
            r.name == name and r.rdtype == question.rdtype for r in answer.answer):
        if question.rdtype == dns.rdatatype.ANY and data(answer.answer):
            return
        check_no_data(answer, name, question.rdtype, zone)
    elif answer.rcode() != dns.rcode.NOERROR:
        raise Bogus(f"rcode {dns.rcode.to_text(answer.rcode())}")
