#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of the tree that no compiler holds: lint.py RULE [BUILD_DIR]. Each rule prints what breaks it and exits 1."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SRC = TOP / "src"

# A folder may include itself and these. (control runs the serving code with a trace: query.)
MAY_INCLUDE = {
    "base": set(),
    "dns": {"base"},
    "zone": {"dns", "base"},
    "geo": {"dns", "base"},
    "dnssec": {"dns", "base"},
    "multisigner": {"zone", "geo", "dnssec", "dns", "base"},
    "query": {"zone", "geo", "dnssec", "dns", "base"},
    "net": {"query", "dnssec", "dns", "base"},
    "store": {"base"},
    "transfer": {"zone", "geo", "dnssec", "dns", "base"},
    "http": {"base"},
    "health": {"http", "geo", "base"},
    "peers": {"http", "transfer", "multisigner", "dnssec", "dns", "base"},
    "control": {"peers", "transfer", "health", "query", "store", "multisigner", "zone", "geo", "dnssec", "dns", "base"},
    "api": {"control", "dns", "base"},
    "ctl": {"control", "base"},  # `policy diff` compares files, without a daemon
    ".": {"net", "api", "control", "transfer", "base"},  # main.c
}

# Headers of libraries and the folders that are their home.
VENDOR_HOMES = {
    "uv.h": {"net", "transfer", "http", "health", "peers", "control", "api", "."},
    "openssl/": {"dns", "dnssec", "transfer", "control", "net", "api", "ctl"},
    "p11-kit/": {"dnssec"},
    "ldns/": {"control"},
    "yaml.h": {"control"},
    "urcu": {"base"},
    "maxminddb.h": {"geo"},
    "sqlite3.h": {"store"},
    "jansson.h": {"net", "peers", "control", "api", "ctl", "."},
    "microhttpd.h": {"api"},
    "curl/": {"ctl", "http"},
    "systemd/": {"."},
}

DATA_PLANE_NEVER = re.compile(
    r"^(malloc|calloc|realloc|free|aligned_alloc|pthread_mutex_.*|clock_gettime|gettimeofday|time|socket|send.*|recv.*|f?printf|vfprintf|log_line)$")


def sources(*suffixes):
    """What belongs to the project: what git knows, or, in a tree without git, all but what is built."""
    if (TOP / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True,
                                capture_output=True, text=True).stdout.split("\n")
    else:
        listed = [str(p.relative_to(TOP)) for p in TOP.rglob("*")
                  if p.relative_to(TOP).parts[0] not in ("build", "var") and "__pycache__" not in p.parts]
    return [TOP / f for f in listed if f and (not suffixes or f.endswith(suffixes)) and (TOP / f).is_file()]


def include_faults(folder, text):
    faults = []
    for header in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
        other = header.split("/")[0] if "/" in header else "?"
        if other != folder and other not in MAY_INCLUDE.get(folder, set()):
            faults.append(f'"{header}"')
    for header in re.findall(r"^\s*#\s*include\s+<([^>]+)>", text, re.M):
        for start, homes in VENDOR_HOMES.items():
            if header.startswith(start) and folder not in homes:
                faults.append(f"<{header}>")
    return faults


def folder_of(path):
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else "."


def includes(_):
    # The rule must be able to fail.
    assert include_faults("query", '#include <stdlib.h>\n#include "net/net.h"\n') == ['"net/net.h"']
    assert include_faults("net", '#include "control/control.h"\n#include <ldns/ldns.h>\n') == ['"control/control.h"', "<ldns/ldns.h>"]
    assert include_faults("zone", '#include "zone/zone.h"\n#include "dns/name.h"\n') == []
    return [f"{p.relative_to(TOP)}: {folder_of(p)} may not include {fault}" for p in sorted(SRC.rglob("*.[ch]"))
            for fault in include_faults(folder_of(p), p.read_text())]


def headers(_):
    """Each header compiles alone, with both compilers."""
    faults = []
    with tempfile.TemporaryDirectory() as tmp:
        unit = pathlib.Path(tmp) / "all.c"
        for header in sorted(SRC.rglob("*.h")):
            unit.write_text(f'#include "{header.relative_to(SRC)}"\n')
            for compiler in ("gcc", "clang"):
                done = subprocess.run([compiler, "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{SRC}",
                                       str(unit)], capture_output=True, text=True)
                if done.returncode != 0:
                    faults.append(f"{header.relative_to(TOP)} ({compiler}): {done.stderr.splitlines()[0]}")
    return faults


def formatting(_):
    tool = shutil.which("clang-format-14")
    if tool is None:  # another release of clang-format sets some lines differently
        version = ""
        if shutil.which("clang-format") is not None:
            version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
        if " 14." not in version:
            print("clang-format 14 is not here: the form is checked where it is (Debian 12)")
            return []
        tool = "clang-format"
    done = subprocess.run([tool, "--dry-run", *map(str, sources(".c", ".h"))], capture_output=True, text=True)
    return sorted({line.split(":")[0] for line in done.stderr.splitlines() if "clang-format-violations" in line})


def spdx(_):
    """Every source names its licence in its first lines."""
    exempt = re.compile(r"(^LICENSE$|\.md$|\.json$|^tests/fuzz/seeds/|\.gitignore$|\.mmdb$|^tests/unit/dnssec/data/)")
    faults = []
    for p in sources():
        name = str(p.relative_to(TOP))
        if not exempt.search(name) and b"SPDX-License-Identifier: Apache-2.0" not in p.read_bytes()[:400]:
            faults.append(name)
    return faults


def undefined_symbols(library):
    out = subprocess.run(["nm", "-u", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if line.strip().startswith("U ")}


def symbols(build):
    """The data plane calls nothing that allocates, locks, reads a clock, or talks to a socket or a log."""
    faults = []
    for folder in ("query", "dns"):
        library = pathlib.Path(build) / "src" / folder / f"libconcord_{folder}.a"
        for symbol in sorted(undefined_symbols(library)):
            if DATA_PLANE_NEVER.match(symbol):
                faults.append(f"libconcord_{folder}.a calls {symbol}")
    control = undefined_symbols(pathlib.Path(build) / "src" / "control" / "libconcord_control.a")
    assert any(DATA_PLANE_NEVER.match(s) for s in control), "the rule must be able to fail"
    return faults


def words(_):
    """No work left for later without an issue's number, no path of somebody's machine."""
    faults = []
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b(?!\s*\(#\d+\))")
    paths = re.compile(r"(/ho" r"me/\w|/ro" r"ot/|/wo" r"rk/)")
    for p in sources():
        if p.name in ("LICENSE", "lint.py") or "seeds" in p.parts:
            continue
        for number, line in enumerate(p.read_text(errors="replace").splitlines(), 1):
            if later.search(line) or paths.search(line):
                faults.append(f"{p.relative_to(TOP)}:{number}: {line.strip()[:100]}")
    return faults


def manual(_):
    faults = []
    for p in sorted((TOP / "docs" / "man").iterdir()):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(p)], capture_output=True, text=True)
        faults += [line for line in done.stdout.splitlines() if line]
    return faults


def spelling(_):
    files = [str(p) for p in sources(".md", ".c", ".h", ".py", ".yaml", ".sh")]
    done = subprocess.run(["codespell", "--ignore-words-list", "coo,ede,defualt,lisen,zoness,verbos,mmbd,euu,dinamic,mis,crate,fo,te,nd,ans,ot,ba,hist,inout,ro,clen,nown,nin", *files], capture_output=True, text=True)
    return done.stdout.splitlines()


RULES = {r.__name__: r for r in (includes, headers, formatting, spdx, symbols, words, manual, spelling)}


def main():
    faults = RULES[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else None)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
