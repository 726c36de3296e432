# SPDX-License-Identifier: Apache-2.0
"""Where we differ from most on purpose, each with its reason."""
import dns.name
import dns.rdatatype

ALIASES = (dns.rdatatype.CNAME, dns.rdatatype.DNAME)


def zone_of(name, zones, rdtype=None):
    """The nearest of our zones that has the name; for DS at an apex the one above, where that is ours."""
    text = name.to_text().lower()
    candidates = []
    at = dns.name.from_text(text)
    while True:
        if at.to_text() in zones:
            candidates.append(at.to_text())
        if at == dns.name.root:
            break
        at = at.parent()
    if rdtype == dns.rdatatype.DS and len(candidates) > 1 and candidates[0] == text:
        return candidates[1]
    return candidates[0] if candidates else None


def targets(answer):
    return [d.target for r in answer.answer if r.rdtype == dns.rdatatype.CNAME for d in r]


def leaves(answer, zone, zones):
    """An alias leads out of the zone."""
    return any(zone_of(t, zones) != zone for t in targets(answer))


def is_complete(answer, zones):
    """Our zones alone have the whole answer."""
    referral = any(r.rdtype == dns.rdatatype.NS for r in answer.authority)
    return answer.rcode() in (0, 3) and not referral and all(zone_of(t, zones) is not None for t in targets(answer))


def follows_into_another_zone(found, zones):
    """RFC 1034 4.3.2 step 3a: an alias is followed from step 1, into whichever zone of ours has the name. NSD does that too."""
    (zone, _, rdtype), field, _, _, _, mine = found
    if field not in ("answer", "authority", "rcode", "additional") or mine is None:
        return False
    for record in mine.answer:
        if record[1] == "CNAME":
            target, _ = dns.name.from_wire(record[2], 0)
            there = zone_of(target, zones)
            if there is not None and there != zone_of(dns.name.from_text(record[0]), zones):
                return True
    return False


RULES = (follows_into_another_zone,)


def why(found, zones):
    """The rule that explains a difference, or None."""
    for rule in RULES:
        if rule(found, zones):
            return rule.__doc__
    return None
