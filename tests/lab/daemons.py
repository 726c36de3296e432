# SPDX-License-Identifier: Apache-2.0
"""Real daemons on loopback addresses, each with its files in a directory of the test's."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from lab.wait import wait_until

BUILD = pathlib.Path(os.environ.get("CONCORD_BUILD", "build/dev"))
CONCORDD = BUILD / "src" / "concordd"
CONCORDCTL = BUILD / "src" / "ctl" / "concordctl"


def free_port(*addresses):
    """A port that is free for UDP and TCP just now on these addresses (127.0.0.1 unless told). It lies below those that the
    kernel hands out by itself, so neither a client's socket nor, but for rare luck, a test beside this one takes it before the
    daemon does."""
    for _ in range(100):
        port = random.randrange(10000, 32000)
        try:
            for address in addresses or ("127.0.0.1",):
                with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(
                    socket.AF_INET, socket.SOCK_DGRAM
                ) as udp:
                    tcp.bind((address, port))
                    udp.bind((address, port))
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


def make_query(name, rdtype, do=False, ecs=None, edns=True, size=1232, options=(), rd=False):
    q = dns.message.make_query(name, rdtype)
    q.flags = dns.flags.RD if rd else 0
    options = list(options)
    if ecs is not None:
        address, length = ecs.split("/")
        options.append(dns.edns.ECSOption(address, int(length)))
    if edns or do or options:
        q.use_edns(0, dns.flags.DO if do else 0, size, options=options)
    return q


def ecs_of(answer):
    """The client subnet of an answer: (address, source, scope), or None."""
    for o in answer.options:
        if isinstance(o, dns.edns.ECSOption):
            return (o.address, o.srclen, o.scopelen)
    return None


class Daemon:
    """A process with a log; `address` and `port` say where it answers."""

    name = "daemon"
    prefix = ()  # of the command: taskset and the like
    clock = None  # lab.clock.Clock, where time is not the real one
    env = {}  # beside that of the tests

    def __init__(self, directory, address="127.0.0.1", port=53):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.address, self.port = address, port
        self.process = None
        self.log_path = self.dir / f"{self.name}.log"

    def run(self, *command, env=None):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [str(c) for c in (*self.prefix, *command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
            env={**os.environ, **(self.clock.environment() if self.clock else {}), **self.env, **(env or {})})
        log.close()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def logged(self, text, times=1, seconds=20.0):
        """True as soon as the log has the text so many times: an effect that is seen does not mean that its line is written yet."""
        return wait_until(lambda: self.log().count(text) >= times, f"{self.name} logs {text!r}", seconds)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
        try:
            self.ask("ready.invalid", "A", timeout=0.3)
            return True
        except (dns.exception.DNSException, OSError):
            return False

    def start(self):
        self.launch()
        wait_until(self.is_up, f"{self.name} answers")
        return self

    def stop(self, how=signal.SIGTERM, seconds=15):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.log()}") from None
        self.process = None
        return code

    def ask(self, name, rdtype, tcp=False, timeout=5.0, address=None, **options):
        q = make_query(name, rdtype, **options)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(q, address or self.address, timeout=timeout, port=self.port)


class Concord(Daemon):
    name = "concordd"

    def __init__(self, directory, address="127.0.0.1", port=None):
        super().__init__(directory, address, port or free_port())
        self.config = self.dir / "concord.yaml"
        self.socket = self.dir / "control.sock"
        self.options = {"workers": "2"}
        self.listen = [f"{address}@{self.port}"]
        self.zones = []
        self.extra = ""

    def file(self, name, text):
        (self.dir / name).write_text(text)
        return name

    def zone(self, name, text, steering=None, geo=None, suffix=".zone", **options):
        """Writes the zone's files and puts it into the configuration."""
        base = name.rstrip(".") or "root"
        lines = [f"  - name: {name}", f"    file: {self.file(base + suffix, text)}"]
        if steering is not None:
            lines.append(f"    steering: {self.file(base + '.steering.yaml', steering)}")
        if geo is not None:
            lines.append(f"    geo: {geo}")
        lines += [f"    {k.replace('_', '-')}: {v}" for k, v in options.items()]
        self.zones.append("\n".join(lines))

    def write_config(self):
        server = [f"  listen: [{', '.join(self.listen)}]", "  state-dir: state", "  control-socket: control.sock"]
        server += [f"  {k.replace('_', '-')}: {v}" for k, v in self.options.items()]
        zones = "\n".join(self.zones) if self.zones else "  []"
        self.config.write_text("server:\n" + "\n".join(server) + f"\n{self.extra}\nzones:\n{zones}\n")

    def launch(self):
        self.run(CONCORDD, "-c", self.config)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"concordd ended with {self.process.returncode}:\n{self.log()}")
        return "ready: " in self.log()[self.log_mark:]

    def start(self):
        self.log_mark = len(self.log())
        return super().start()

    def fails_to_start(self):
        """Runs it to its end; returns (exit code, what it said)."""
        done = subprocess.run([str(CONCORDD), "-c", str(self.config)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, cwd=self.dir)
        return done.returncode, done.stdout + done.stderr

    def check(self):
        done = subprocess.run([str(CONCORDD), "--check", "-c", str(self.config)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, cwd=self.dir)
        return done.returncode, done.stdout + done.stderr

    def ctl_raw(self, *args):
        return subprocess.run([str(CONCORDCTL), "--socket", str(self.socket), *[str(a) for a in args]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def ctl(self, *args):
        """Runs a verb that must succeed; returns its JSON."""
        done = self.ctl_raw("--json", *args)
        assert done.returncode == 0, (args, done.returncode, done.stdout, done.stderr, self.log()[-2000:])
        return json.loads(done.stdout) if done.stdout.strip() else None

    def kill(self):
        """As by a power cut; then it is back."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def get(self, path):
        """What the control socket says to a GET; for those who ask often."""
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(60)
        with contextlib.closing(connection):
            connection.sock.connect(str(self.socket))
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        assert answer.status == 200, (path, answer.status, body)
        return json.loads(body)

    def ds(self, zone):
        return self.ctl("zone", "status", zone)["ds"]

    def stop(self, how=signal.SIGTERM, seconds=15):
        code = super().stop(how, seconds)
        found = re.search(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer).*", self.log())
        assert not found, self.log()[found.start():][:6000]
        return code


class Bind(Daemon):
    """BIND 9 as a signer with dnssec-policy and dynamic update, and a channel for rndc at its address."""

    name = "named"
    SECRET = "c2VjcmV0LW9mLXRoZS10ZXN0cy1vbmx5LW5vLW90aGVy"
    KEYS = {"ksk-zsk": "ksk lifetime unlimited algorithm ecdsap256sha256; zsk lifetime unlimited algorithm ecdsap256sha256;",
            "csk": "csk lifetime unlimited algorithm ecdsap256sha256;"}
    POLICY = "dnskey-ttl 3600;"
    controls = ""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.zones = {}

    def zone(self, name, text, keys="ksk-zsk"):
        self.zones[name] = keys
        self.zone_name = name
        (self.dir / f"{name}db").write_text(text)
        self.write_config()

    def write_config(self):
        zones = "".join(f'zone "{n}" {{ type primary; file "{n}db"; dnssec-policy {keys}; allow-update {{ key peer; }}; }};\n'
                        for n, keys in self.zones.items())
        policies = "".join(f"dnssec-policy {n} {{ keys {{ {keys} }}; {self.POLICY} }};\n" for n, keys in self.KEYS.items())
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; dnssec-validation no;
  minimal-responses yes; key-directory "{self.dir}"; sig-signing-signatures 500; sig-signing-nodes 500; }};
controls {{ {self.controls} }};
key peer {{ algorithm hmac-sha256; secret "{self.SECRET}"; }};
{policies}{zones}""")

    def launch(self):
        self.run("named", "-g", "-c", self.dir / "named.conf", "-n", "2")

    def is_signed(self, names):
        """BIND signs in small steps after its start: whether it has come to all of these."""
        for name, rdtype in names:
            answer = self.ask(name, rdtype, do=True)
            for section in (answer.answer, answer.authority):
                plain = [r for r in section if r.rdtype != dns.rdatatype.RRSIG]
                signed = {(r.name, r.covers) for r in section if r.rdtype == dns.rdatatype.RRSIG}
                if any((r.name, r.rdtype) not in signed for r in plain):
                    return False
        return True

    def update(self, *lines, zone=None):
        script = f"server {self.address} {self.port}\nzone {zone or self.zone_name}\n" + "\n".join(lines) + "\nsend\n"
        done = subprocess.run(["nsupdate", "-y", f"hmac-sha256:peer:{self.SECRET}"], input=script, text=True,
                              capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr


class Nsd(Daemon):
    name = "nsd"

    def zone(self, name, path):
        (self.dir / "nsd.conf").write_text(f"""
server:
  ip-address: {self.address}@{self.port}
  username: ""
  zonesdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  xfrdfile: ""
  database: ""
  pidfile: "{self.dir}/nsd.pid"
  xfrdir: "{self.dir}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "{name}"
  zonefile: "{path}"
""")

    def launch(self):
        self.run("nsd", "-d", "-c", self.dir / "nsd.conf")


class Unbound(Daemon):
    """A validating resolver that knows one parent zone by stub and trust anchor, and retries nothing for validation."""

    name = "unbound"

    def parent(self, name, address, port, anchors):
        self.stubs([name], address, port, anchors)

    def stubs(self, names, address, port, anchors):
        (self.dir / "anchor").write_text("\n".join(anchors) + "\n")
        stubs = "".join(f'stub-zone:\n  name: "{n}"\n  stub-addr: {address}@{port}\n' for n in ["test.", *names])
        local = "".join(f'  local-zone: "{n}" nodefault\n' for n in ["test.", *names])
        (self.dir / "unbound.conf").write_text(f"""
server:
  interface: {self.address}@{self.port}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{self.dir}"
  pidfile: "{self.dir}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "{self.dir}/anchor"
  val-max-restart: 0
  qname-minimisation: no
  aggressive-nsec: no
  target-fetch-policy: "0 0 0 0 0"
  outbound-msg-retry: 3
{local}remote-control:
  control-enable: no
{stubs}""")

    def launch(self):
        self.run("unbound", "-d", "-c", self.dir / "unbound.conf")
