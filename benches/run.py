#!/usr/bin/env python3
"""Puts kpki beside openssl, Debian's cfssl and the bare cost of the same work, in one run.

The contestants of a comparison run in turns, in an order that rotates, so that whatever else the machine does
meets all of them; the median counts. BENCH_QUICK=1 takes fewer rounds and a smaller cluster. Nothing here fails
because it was slow: figures are to be read, not to be passed.

usage: run.py --kpki PATH [--bare-cost PATH] [--verify PATH] [--audit PATH]
"""

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")

KUBEADM = """apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 10.0.0.10}}
nodeRegistration: {{name: cp1}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
controlPlaneEndpoint: api.k8s.example.com:6443
encryptionAlgorithm: {algorithm}
"""

CLUSTER = """apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {name: bench}
spec:
  kubernetesVersion: v1.36.2
  controlPlaneEndpoint: api.k8s.example.com:6443
  networking: {serviceSubnet: 10.96.0.0/12, dnsDomain: cluster.local}
  layout: kubeadm
  algorithm: ECDSA-P256
  controlPlanes:
    - {name: cp1, addresses: [10.0.0.10]}
  workers:
"""


THREE_NODES = """apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {{name: bench}}
spec:
  kubernetesVersion: v1.36.2
  controlPlaneEndpoint: api.k8s.example.com:6443
  algorithm: {algorithm}
  controlPlanes:
    - {{name: cp1, addresses: [10.0.0.11]}}
    - {{name: cp2, addresses: [10.0.0.12]}}
    - {{name: cp3, addresses: [10.0.0.13]}}
"""


class Run:
    """One finished process: seconds of wall time, and its peak of resident memory in MB."""

    def __init__(self, seconds, megabytes):
        self.seconds = seconds
        self.megabytes = megabytes


class Broken(Exception):
    """A contestant failed; its words are in the message."""


def run(words):
    """Runs a command to its end, its words thrown away unless it fails.

    posix_spawn and wait4: a fork of this Python would take longer than the shortest of the commands. The peak of
    memory cannot come out below this Python's own, which the child has until it becomes its command; see peak().
    """
    with tempfile.TemporaryFile() as words_said:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, words_said.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, words_said.fileno(), 2),
        ]
        start = time.perf_counter()
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - start
        if status != 0:
            words_said.seek(0)
            said = words_said.read().decode(errors="replace")
            raise Broken(f"{' '.join(words)}: wait status {status}\n{said}")
    return Run(seconds, usage.ru_maxrss / 1024)


def count_files(directory):
    return sum(len(names) for _, _, names in os.walk(directory))


def compare(title, place, contestants, rounds, warm_up=1, sync=False, least_files=0):
    """Runs the contestants in turns, each in an empty directory, and prints medians and ratios.

    contestants: name → function from a directory to a command line. The first one is the measure of the others.
    """
    names = list(contestants)
    runs = {name: [] for name in names}
    files = {}
    for number in range(-warm_up, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            directory = os.path.join(place, "out")
            os.mkdir(directory)
            if sync:
                os.sync()  # what others left unwritten is not this contestant's to wait for
            try:
                one = run(contestants[name](directory))
                files[name] = count_files(directory)
                if files[name] < least_files:
                    raise Broken(f"{name} made only {files[name]} files")
            finally:
                shutil.rmtree(directory)
            if number >= 0:
                runs[name].append(one)

    print(f"\n{title} ({rounds} rounds)")
    print(f"  {'':<30} {'median':>10} {'fastest':>10} {'slowest':>10} {'ratio':>8} {'peak':>8} {'files':>7}")
    own = statistics.median(one.seconds for one in runs[names[0]])
    for name in names:
        seconds = [one.seconds for one in runs[name]]
        median = statistics.median(seconds)
        print(
            f"  {name:<30} {span(median):>10} {span(min(seconds)):>10} {span(max(seconds)):>10}"
            f" {median / own:>7.2f}x {peak(runs[name]):>8} {files[name]:>7}",
            flush=True,
        )
    return own


def peak(runs):
    megabytes = max(one.megabytes for one in runs)
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{megabytes:.0f} MB" if megabytes > floor * 1.05 else f"<{floor * 1.05:.0f} MB"


def span(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def aim(what, seconds, limit):
    verdict = "met" if seconds <= limit else "missed"
    print(f"  aim: {what} within {span(limit)}: {verdict} ({span(seconds)})")


def manifest_of(directory, path):
    """What bare_cost needs to write the same files: mode, size and path of each."""
    with open(path, "w") as out:
        for parent, directories, names in os.walk(directory):
            for name in sorted(directories) + sorted(names):
                full = os.path.join(parent, name)
                info = os.lstat(full)
                relative = os.path.relpath(full, directory) + ("/" if name in directories else "")
                size = 0 if name in directories else info.st_size
                out.write(f"{info.st_mode & 0o7777:o} {size} {relative}\n")


def find(tool):
    path = shutil.which(tool)
    if not path:
        sys.exit(f"run.py: no {tool}; tests/tools/install.sh installs it")
    return path


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}"


class Bench:
    def __init__(self, kpki, bare_cost, verify, audit, memory, disk):
        self.kpki = kpki
        self.audit = audit
        self.verify = verify
        self.bare_cost = bare_cost
        self.memory = memory
        self.disk = disk
        self.bash = find("bash")

    def init(self, config, *options):
        return lambda directory: [self.kpki, "init", "-f", config, "--dir", directory, *options]

    def script(self, name, algorithm):
        return lambda directory: [self.bash, os.path.join(HERE, name), directory, algorithm]

    def bare(self, manifest, count, *options):
        return lambda directory: [
            self.bare_cost, "--keys", str(count), "--signatures", str(count),
            "--manifest", manifest, "--dir", directory, *options,
        ]

    def config(self, name, text):
        path = os.path.join(self.memory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def manifest(self, name, command):
        """The manifest of what kpki writes, from one run of it."""
        directory = os.path.join(self.memory, "model")
        os.mkdir(directory)
        run(command(directory))
        path = os.path.join(self.memory, name)
        manifest_of(directory, path)
        shutil.rmtree(directory)
        return path

    def control_plane(self):
        ecdsa = self.config("ecdsa.yaml", KUBEADM.format(algorithm="ECDSA-P256"))
        rsa = self.config("rsa.yaml", KUBEADM.format(algorithm="RSA-2048"))
        peers = lambda algorithm: {
            "openssl, a script": self.script("openssl-pki.sh", algorithm),
            "cfssl, a script": self.script("cfssl-pki.sh", algorithm),
        }
        rounds = 5 if QUICK else 31
        own = compare(
            "A control plane's PKI and kubeconfigs, ECDSA-P256, in memory (tmpfs)", self.memory,
            {"kpki init": self.init(ecdsa), **peers("ecdsa-p256")}, rounds, least_files=27,
        )
        aim("kpki init", own, 0.008)

        contestants = {"kpki init, durable": self.init(ecdsa)}
        if self.bare_cost:
            model = self.manifest("control-plane.manifest", self.init(ecdsa))
            contestants["bare cost, one syncfs"] = self.bare(model, 16, "--sync")
        contestants |= {f"{name}, no sync": words for name, words in peers("ecdsa-p256").items()}
        compare(
            "The same on a disk, where kpki's is durable when it ends", self.disk, contestants, rounds,
            sync=True, least_files=27,
        )
        own = compare(
            "The same in RSA-2048, in memory", self.memory,
            {"kpki init": self.init(rsa), **peers("rsa-2048")}, 3 if QUICK else 15, least_files=27,
        )
        aim("kpki init", own, 0.3)

    def cluster(self):
        workers = 500 if QUICK else 5000
        nodes = (f"    - {{name: w{n}, addresses: [10.{n >> 16}.{n >> 8 & 255}.{n & 255}]}}\n" for n in range(1, workers + 1))
        config = self.config("cluster.yaml", CLUSTER + "".join(nodes))
        init = self.init(config, "--all-nodes")
        if not self.bare_cost:
            compare(f"A cluster with {workers} workers, in memory", self.memory, {"kpki init": init}, 3)
            return
        model = self.manifest("cluster.manifest", init)
        compare(
            f"A cluster with {workers} workers ({2 * workers} key pairs), in memory", self.memory,
            {"bare cost": self.bare(model, 2 * workers), "kpki init": init}, 3 if QUICK else 9,
            least_files=2 * workers,
        )
        print("  aim: a ratio of 1.50x, and a peak of less than 200 MB")

    def rehearsal(self):
        contestants = {}
        for algorithm in ("ECDSA-P256", "RSA-2048"):
            config = self.config("three.yaml", THREE_NODES.format(algorithm=algorithm))
            tree = os.path.join(self.memory, f"three-{algorithm}")
            run(self.init(config)(tree))
            contestants[f"kpki rehearse, {algorithm}"] = lambda _, tree=tree: [self.kpki, "rehearse", tree]
        template = os.path.join(ROOT, "templates", "cluster.yaml")
        larger = os.path.join(self.memory, "three-and-two")
        run(self.init(template)(larger))
        contestants["the same, with two workers"] = lambda _: [self.kpki, "rehearse", larger]
        own = compare(
            "Every TLS connection of a three-node cluster, acted out", self.memory, contestants, 10 if QUICK else 50,
        )
        aim("kpki rehearse", own, 0.1)

    def verification(self):
        if not self.verify:
            return
        print("\nOne verification in one process, beside its bare signature checks", flush=True)
        subprocess.run([self.verify, "--rounds", "10" if QUICK else "100"], check=True)
        print("  aim: 1.15 times bare", flush=True)
        count = 1000 if QUICK else 10000
        place = os.path.join(self.memory, "leaves")
        os.mkdir(place)
        subprocess.run([self.verify, "--leaves", str(count), place], check=True)
        ca = os.path.join(place, "ca.pem")
        leaves = [os.path.join(place, f"leaf{number}.pem") for number in range(count)]
        instant = "2026-06-02T00:00:00Z"
        compare(
            f"{count} leaves of one CA, each in a file, in one call", self.memory,
            {
                "bare: read, check signatures": lambda _: [self.verify, "--signatures", str(count), place],
                "kpki verify": lambda _: [self.kpki, "verify", "--ca", ca, "--at", instant, *leaves],
                "openssl verify": lambda _: [
                    find("openssl"), "verify", "-CAfile", ca, "-attime", "1780358400", *leaves,
                ],
            },
            3 if QUICK else 9,
        )
        print("  aim: a ratio of 1.15x for kpki verify")
        shutil.rmtree(place)

    def audits(self):
        config = self.config("audited.yaml", KUBEADM.format(algorithm="ECDSA-P256"))
        plane = os.path.join(self.memory, "plane")
        run(self.init(config)(plane))
        own = compare(
            "An audit of one control plane", self.memory,
            {"kpki audit": lambda _: [self.kpki, "audit", "--fail-on", "none", plane]}, 10 if QUICK else 100,
        )
        aim("kpki audit", own, 0.015)
        if not self.audit:
            return
        instant = "2026-06-02T00:00:00Z"
        audit = lambda place: lambda _: [
            self.kpki, "--now", instant, "audit", "--fail-on", "none", "--quiet", "--nodes", place,
        ]
        for nodes in [100] if QUICK else [1000, 10000]:
            place = os.path.join(self.memory, "fleet")
            os.mkdir(place)
            run([self.audit, "--tree", str(nodes), place])
            contestants = {
                "bare: read, check signatures": lambda _: [self.audit, "--bare", place],
                "kpki audit --nodes": audit(place),
            }
            if nodes <= 1000:
                # openssl judges a certificate by itself, and for -checkend in a process for each.
                pki = os.path.join(place, "cp0.example.com", "etc", "kubernetes", "pki")
                anchors = os.path.join(self.memory, "anchors.pem")
                with open(anchors, "w") as out:
                    for name in ("ca.crt", "etcd/ca.crt", "front-proxy-ca.crt"):
                        with open(os.path.join(pki, name)) as file:
                            out.write(file.read())
                each = lambda words: lambda _: [
                    self.bash, "-c", f"find {place} -name '*.crt' -print0 | xargs -0 -P {os.cpu_count()} {words}",
                ]
                openssl = find("openssl")
                contestants |= {
                    "openssl verify": each(f"-n 5000 {openssl} verify -CAfile {anchors} -attime 1780358400"),
                    "openssl x509 -checkend": each(f"-n 1 {openssl} x509 -noout -checkend 0 -in || true"),
                }
            compare(
                f"An audit of {nodes} control planes, {10 * nodes} certificates", self.memory, contestants,
                1 if QUICK or nodes <= 1000 else 5, warm_up=0 if nodes <= 1000 else 1,
            )
            shutil.rmtree(place)
        print("  aim: a ratio of 1.50x for kpki audit, and a peak of less than 300 MB")

    def startup(self):
        own = compare(
            "Starting up", self.memory,
            {
                "kpki --version": lambda _: [self.kpki, "--version"],
                "true (any process)": lambda _: [find("true")],
                "openssl version": lambda _: [find("openssl"), "version"],
                "cfssl version": lambda _: [find("cfssl"), "version"],
            },
            20 if QUICK else 200,
        )
        aim("kpki --version", own, 0.002)


def main():
    parser = argparse.ArgumentParser(description="kpki beside its peers")
    parser.add_argument("--kpki", required=True)
    parser.add_argument("--bare-cost", help="the built benches/bare_cost.rs")
    parser.add_argument("--verify", help="the built benches/verify.rs")
    parser.add_argument("--audit", help="the built benches/audit.rs")
    options = parser.parse_args()
    for tool in ("openssl", "cfssl", "cfssljson"):
        find(tool)
    print(machine())
    memory_root = "/dev/shm" if os.path.isdir("/dev/shm") else None
    if not memory_root:
        print("there is no /dev/shm: what is said to be in memory is where temporary files are")
    disk_root = os.path.join(ROOT, "target")
    with tempfile.TemporaryDirectory(dir=memory_root) as memory, tempfile.TemporaryDirectory(dir=disk_root) as disk:
        bare_cost = options.bare_cost and os.path.abspath(options.bare_cost)
        verify = options.verify and os.path.abspath(options.verify)
        audit = options.audit and os.path.abspath(options.audit)
        bench = Bench(os.path.abspath(options.kpki), bare_cost, verify, audit, memory, disk)
        try:
            bench.startup()
            bench.verification()
            bench.audits()
            bench.rehearsal()
            bench.control_plane()
            bench.cluster()
        except Broken as broken:
            sys.exit(f"run.py: {broken}")


main()
