# SPDX-License-Identifier: Apache-2.0
"""Location databases in MaxMind's format, from ranges: what the servers that steer can all read.

A range is (first, last, key), numbers of a family's addresses, ascending and apart; `records` has the map of each key."""
import bisect
import ipaddress

MARKER = b"\xab\xcd\xefMaxMind.com"
GAP = bytes(16)  # between tree and data
V4_BEGINS_AT = 96  # IPv4 stands in ::/96
EMPTY = -1


def _text(value):
    raw = value.encode()
    assert len(raw) < 285, "longer texts are not written"
    return (bytes([2 << 5 | len(raw)]) if len(raw) < 29 else bytes([2 << 5 | 29, len(raw) - 29])) + raw


def _number(kind, value):
    """kind: 5 (16 bits), 6 (32 bits), 9 (64 bits, beyond the first byte)."""
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return (bytes([len(raw), kind - 7]) if kind > 7 else bytes([kind << 5 | len(raw)])) + raw


def _map(value):
    return bytes([7 << 5 | len(value)]) + b"".join(_text(k) + (_map(v) if isinstance(v, dict) else _text(v)) for k, v in value.items())


class Tree:
    """Nodes [left, right]: a node's number, EMPTY, or -2 - the number of a key."""

    def __init__(self):
        self.nodes, self.keys = [], {}

    def leaf(self, key):
        return -2 - self.keys.setdefault(key, len(self.keys))

    def add(self, ranges, bits):
        """The subtree of a family; its root, or what all of it is."""
        lasts = [r[1] for r in ranges]
        firsts = [r[0] for r in ranges]
        nodes, leaf = self.nodes, self.leaf

        def build(first, width, i, j):
            if i == j:
                return EMPTY
            if j == i + 1 and ranges[i][0] <= first and ranges[i][1] >= first + (1 << width) - 1:
                return leaf(ranges[i][2])
            width -= 1
            middle = first + (1 << width)
            to = bisect.bisect_left(firsts, middle, i, j)
            from_ = bisect.bisect_left(lasts, middle, i, j)
            at = len(nodes)
            nodes.append(None)
            nodes[at] = (build(first, width, i, to), build(middle, width, from_, j))
            return at

        return build(0, bits, 0, len(ranges))


def write(path, ranges4, ranges6, records, kind="Country"):
    """An MMDB file with both families. `ranges6` has nothing in ::/96."""
    tree = Tree()
    trunk = []
    for _ in range(V4_BEGINS_AT):
        trunk.append(len(tree.nodes))
        tree.nodes.append(None)
    v4 = tree.add(ranges4, 32)
    below = [[v4 if depth == V4_BEGINS_AT - 1 else trunk[depth + 1], EMPTY] for depth in range(V4_BEGINS_AT)]
    for depth in range(V4_BEGINS_AT):
        first, width = 1 << (127 - depth), 127 - depth
        inside = [(max(a, first) - first, min(b, first + (1 << width) - 1) - first, k) for a, b, k in ranges6
                  if b >= first and a < first + (1 << width)]
        below[depth][1] = tree.add(inside, width) if inside else EMPTY
        tree.nodes[trunk[depth]] = tuple(below[depth])
    data, at = b"", []
    for key in tree.keys:
        at.append(len(data))
        data += _map(records[key])
    n = len(tree.nodes)
    of = [n + len(GAP) + offset for offset in at]
    words = bytearray()
    for node in tree.nodes:
        for child in node:
            words += (child if child >= 0 else n if child == EMPTY else of[-2 - child]).to_bytes(4, "big")[1:]
    meta = {"binary_format_major_version": _number(5, 2), "binary_format_minor_version": _number(5, 0), "build_epoch": _number(9, 1700000000),
            "database_type": _text(f"Made-{kind}"), "description": _map({"en": "made for a test"}), "ip_version": _number(5, 6),
            "languages": bytes([0, 11 - 7]), "node_count": _number(6, n), "record_size": _number(5, 24)}
    with open(path, "wb") as f:
        f.write(bytes(words) + GAP + data + MARKER + bytes([7 << 5 | len(meta)]) + b"".join(_text(k) + v for k, v in meta.items()))
    return path


def tor_ranges(path, family):
    """What tor-geoipdb has: [(first, last, country code)]."""
    ranges = []
    for line in open(path):
        if line[0] == "#" or not line.strip():
            continue
        first, last, code = line.strip().split(",")
        as_number = int if family == 4 else lambda text: int(ipaddress.IPv6Address(text))
        ranges.append((as_number(first), as_number(last), code))
    return ranges
