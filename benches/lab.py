"""What the benches share: the programs that are measured, data from a seed, and tables.

Standard library only. Programs that are not installed are skipped with the reason printed."""

import json
import os
import platform
import random
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
EPOCH_NS = 1_772_366_400_000_000_000  # 2026-03-01T12:00:00Z


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Failed(Exception):
    """A program ended with an error; the message is what it said."""


class Run:
    """One finished child process: wall seconds, peak resident bytes, stdout."""

    def __init__(self, args, cwd=None, env=None, stdin=None):
        merged = dict(os.environ, LC_ALL="C.UTF-8", **(env or {}))
        # The kernel counts a child's peak from the fork on, with what this program itself takes; time(1) takes nothing.
        peak, timed = scratch() / "peak", os.path.exists("/usr/bin/time")
        measured = ["/usr/bin/time", "-f", "%M", "-o", peak] if timed else []
        started = time.monotonic()
        child = subprocess.Popen([str(a) for a in [*measured, *args]], cwd=cwd, env=merged, stdin=stdin or subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=(err := open(scratch() / "stderr", "w+b")))
        self.out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - started
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.peak_bytes = (int(peak.read_text().split()[-1]) if timed else usage.ru_maxrss) * 1024
        err.seek(0)
        said = err.read().decode(errors="replace")
        err.close()
        if child.returncode != 0:
            raise Failed(f"{' '.join(map(str, args))}: exit {child.returncode}: {said[-600:]}")

    def json(self):
        return json.loads(self.out)


_scratch = None


def scratch():
    """The directory under which everything is made. BENCH_DIR chooses it; it should be on a real disk."""
    global _scratch
    if _scratch is None:
        _scratch = Path(os.environ.get("BENCH_DIR", ROOT / "target" / "bench")).absolute()
        _scratch.mkdir(parents=True, exist_ok=True)
    return _scratch


def fresh(name):
    """An empty directory of this name under the scratch directory."""
    path = scratch() / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def absent(name):
    """A path of this name under the scratch directory at which nothing is."""
    path = scratch() / name
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        path.unlink()
    return path


def tree_sizes(root):
    """Every regular file below root with its size."""
    found = {}
    for base, _, names in os.walk(root):
        for name in names:
            path = os.path.join(base, name)
            info = os.lstat(path)
            if stat.S_ISREG(info.st_mode):
                found[path] = (info.st_size, info.st_mtime_ns, info.st_blocks * 512)
    return found


def disk_bytes(root):
    """Bytes on disk (allocated blocks, so that sparse files count for what they take)."""
    return sum(blocks for _, _, blocks in tree_sizes(root).values())


# ---------------------------------------------------------------- the programs

class Annals:
    """The program under test, through its command line. ANNALS names another binary than target/release/annals."""

    name = "annals"

    def __init__(self, work, binary=None):
        self.binary = Path(binary or os.environ.get("ANNALS", ROOT / "target" / "release" / "annals"))
        if not self.binary.exists():
            raise Failed(f"{self.binary} is not there; run cargo build --release first")
        self.work = work
        self.store = work / "store"
        self.remote = work / "remote"
        self.remote.mkdir()
        self.call("init", "--site", "bench")
        self.call("remote", "add", "offsite", f"dir:{self.remote}")

    def call(self, *args):
        return Run([self.binary, "-C", self.store, *args])

    def record(self, folder):
        return self.call("capture", "folder", folder, "--prefix", "d/", "--once", "--json")

    def ship(self):
        """Seals and ships; bytes and objects as the remote's directory shows them, not as the program says."""
        before = tree_sizes(self.remote)
        run = self.call("ship", "--to", "offsite", "--json")
        new = {path: v[0] for path, v in tree_sizes(self.remote).items() if path not in before}
        return sum(new.values()), len(new), run

    def backup(self, folder):
        self.record(folder)
        return self.ship()[:2]

    def restore(self, into):
        return self.call("restore", "d/", "--into", into)

    def prove(self, folder):
        """Rebuilds from the remote alone, restores, and compares with the folder."""
        again, restored = absent("again"), absent("restored")
        Run([self.binary, "rebuild", "--from", f"dir:{self.remote}", "--into", again, "--key", self.store / "annals.key", "--json"])
        Run([self.binary, "-C", again, "restore", "d/", "--into", restored])
        compare(folder, restored)
        shutil.rmtree(again)
        shutil.rmtree(restored)

    def local_bytes(self):
        return disk_bytes(self.store)


def compare(folder, restored):
    """Fails unless two trees hold the same files with the same bytes."""
    differs = subprocess.run(["diff", "-rq", str(folder), str(restored)], capture_output=True, text=True)
    if differs.returncode:
        raise Failed(f"not what was recorded: {differs.stdout[:400]}")


class Peer:
    """A backup program with a repository in a directory. Its bytes: new and grown files of the repository's data."""

    def __init__(self, work):
        self.work = work
        self.repo = work / "repo"
        self.count = 0
        self.init()

    def counted(self):
        return self.repo

    def backup(self, folder):
        before = tree_sizes(self.counted()) if self.counted().exists() else {}
        self.record(folder)
        after = tree_sizes(self.counted())
        grown = {p: v[0] - (before[p][0] if p in before else 0) for p, v in after.items() if before.get(p) != v}
        return sum(max(g, 0) for g in grown.values()), len(grown)

    def local_bytes(self):
        return disk_bytes(self.repo)


class Restic(Peer):
    name = "restic"
    program = "restic"

    def call(self, *args, cwd=None):
        env = {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(self.work / "cache")}
        return Run(["restic", "-q", "-r", self.repo, *args], cwd=cwd, env=env)

    def init(self):
        self.call("init", "--repository-version", "2")

    def record(self, folder):
        return self.call("backup", "--compression", "max", ".", cwd=folder)

    def restore(self, into):
        return self.call("restore", "latest", "--target", into)


class ResticAuto(Restic):
    """As people run it: the default compression. For speed."""

    def record(self, folder):
        return self.call("backup", ".", cwd=folder)


class Borg(Peer):
    name = "borg"
    program = "borg"
    compression = "zstd,19"

    def call(self, *args, cwd=None):
        env = {"BORG_BASE_DIR": str(self.work / "base"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
               "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_REPO": str(self.repo)}
        return Run(["borg", *args], cwd=cwd, env=env)

    def init(self):
        self.call("init", "-e", "none")

    def counted(self):
        return self.repo / "data"  # what a server would receive; the index beside it is made by the server

    def record(self, folder):
        self.count += 1
        return self.call("create", "-C", self.compression, f"::{self.count}", ".", cwd=folder)

    def restore(self, into):
        into.mkdir(parents=True, exist_ok=True)
        return self.call("extract", f"::{self.count}", cwd=into)


class BorgAuto(Borg):
    """As people run it: the default compression. For speed."""

    compression = "lz4"


class Rustic(Peer):
    name = "rustic"
    program = "rustic"

    def call(self, *args, cwd=None):
        env = {"RUSTIC_PASSWORD": "bench", "RUSTIC_CACHE_DIR": str(self.work / "cache"), "RUSTIC_NO_PROGRESS": "true"}
        return Run(["rustic", "--log-level", "error", "-r", self.repo, *args], cwd=cwd, env=env)

    def init(self):
        self.call("init", "--set-compression", "19")

    def record(self, folder):
        return self.call("backup", ".", cwd=folder)

    def restore(self, into):
        into.mkdir(parents=True, exist_ok=True)
        return self.call("restore", "latest", into)


class RusticAuto(Rustic):
    """As people run it: the default compression. For speed."""

    def init(self):
        self.call("init")


class Bupstash(Peer):
    name = "bupstash"
    program = "bupstash"

    def call(self, *args, cwd=None):
        env = {"BUPSTASH_REPOSITORY": str(self.repo), "BUPSTASH_KEY": str(self.work / "key"), "XDG_CACHE_HOME": str(self.work / "cache"),
               "HOME": str(self.work)}
        return Run(["bupstash", *args], cwd=cwd, env=env)

    def init(self):
        self.call("init")
        self.call("new-key", "-o", self.work / "key")

    def record(self, folder):
        self.count += 1
        return self.call("put", "--quiet", f"step={self.count}", str(folder))

    def restore(self, into):
        into.mkdir(parents=True, exist_ok=True)
        return self.call("restore", "--quiet", "--into", into, f"step={self.count}")


def available(classes):
    """Those of the peers that are installed; says which are not."""
    found = []
    for peer in classes:
        if shutil.which(peer.program):
            found.append(peer)
        else:
            say(f"skipped: {peer.name} is not installed")
    return found


def versions():
    lines = []
    for name, args in (("restic", ["version"]), ("borg", ["--version"]), ("rustic", ["--version"]), ("bupstash", ["--version"]),
                       ("zstd", ["--version"])):
        if shutil.which(name):
            text = subprocess.run([name, *args], capture_output=True, text=True).stdout.strip().splitlines()
            lines.append(text[0].strip("* ") if text else name)
    return lines


def zstd_bytes(path, previous=None):
    """Bytes of the frame that the zstd program makes of a file at level 19, against another file where one is given."""
    args = ["zstd", "-19", "--long=27", "-q", "-c"]
    if previous is not None and os.path.getsize(previous) > 0:
        args.append(f"--patch-from={previous}")
    return len(subprocess.run([*args, str(path)], capture_output=True, check=True).stdout)


def tar_zstd_bytes(folder):
    tar = subprocess.Popen(["tar", "--sort=name", "-cf", "-", "-C", str(folder), "."], stdout=subprocess.PIPE)
    packed = subprocess.Popen(["zstd", "-19", "--long=27", "-q", "-c"], stdin=tar.stdout, stdout=subprocess.PIPE)
    total = 0
    while piece := packed.stdout.read(1 << 20):
        total += len(piece)
    if tar.wait() or packed.wait():
        raise Failed("tar | zstd failed")
    return total


# ---------------------------------------------------------------- data from a seed

class Words:
    """Text that compresses about as well as what people write: 4,000 made-up words, the common ones more often."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        starts = "b d f g h j k l m n p r s t v st tr kl br sk".split()
        middles = "a e i o u ei au".split()
        ends = ["", "n", "r", "s", "t", "nd", "rt", "ng"]
        pick = self.random.choice
        made = {"".join(pick(starts) + pick(middles) for _ in range(self.random.randint(1, 3))) + pick(ends) for _ in range(6000)}
        self.words = sorted(made)[:4000]
        self.random.shuffle(self.words)
        total, self.weights = 0.0, []
        for rank in range(len(self.words)):
            total += 1 / (rank + 5)
            self.weights.append(total)

    def text(self, count):
        return " ".join(self.random.choices(self.words, cum_weights=self.weights, k=count))


class Records:
    """JSON records with an id, numbers, words and a list of entries, from `bytes_min` to `bytes_max` bytes each."""

    def __init__(self, seed, count, bytes_min, bytes_max):
        self.words = Words(seed)
        self.random = self.words.random
        self.all = [self.make(i, self.random.randint(bytes_min, bytes_max)) for i in range(count)]

    def entry(self, number):
        r = self.random
        return {"no": number, "date": f"2025-{r.randint(1, 12):02}-{r.randint(1, 28):02}", "by": f"u{r.randint(1, 400)}",
                "text": self.words.text(r.randint(4, 14))}

    def make(self, i, size):
        r = self.random
        record = {"id": f"{r.getrandbits(64):016x}", "number": 100_000 + i, "status": r.choice(["open", "paid", "sent", "closed"]),
                  "amount": r.randint(100, 9_999_999) / 100, "quantity": r.randint(0, 5000),
                  "customer": self.words.text(2).title(), "notes": self.words.text(max(3, (size - 330) // 16)), "entries": []}
        left = size - len(self.bytes(record))
        while left > 150:
            entry = self.entry(len(record["entries"]) + 1)
            record["entries"].append(entry)
            left -= len(json.dumps(entry, indent=2)) + 40
        return record

    @staticmethod
    def bytes(record):
        return (json.dumps(record, indent=2) + "\n").encode()

    def change_field(self, i):
        self.all[i]["quantity"] += self.random.randint(1, 900)

    def append_entry(self, i):
        self.all[i]["entries"].append(self.entry(len(self.all[i]["entries"]) + 1))

    def change_both(self, i):
        self.change_field(i)
        self.append_entry(i)


class Folder:
    """Records as files, with modification times as an application that writes one after the other would leave them."""

    def __init__(self, root, records, per_directory):
        self.root, self.records, self.per_directory = root, records, per_directory
        self.clock_ns = EPOCH_NS
        for i in range(len(records.all)):
            self.write(i)

    def path(self, i):
        name = f"{100_000 + i}.json"
        return self.root / f"{i // self.per_directory:04}" / name if self.per_directory else self.root / name

    def write(self, i):
        path = self.path(i)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(Records.bytes(self.records.all[i]))
        self.clock_ns += self.records.random.randint(40_000, 160_000)
        os.utime(path, ns=(self.clock_ns, self.clock_ns))

    def later(self):
        self.clock_ns += 3_600_000_000_000 + self.records.random.randint(0, 10**9)


def apply_step(step, work):
    """Makes `work` equal to the directory `step`, touching only what differs. Gives (changed with the previous file, new) paths of step."""
    changed, new, seen = [], [], set()
    for base, dirs, names in os.walk(step):
        dirs.sort()
        rel = os.path.relpath(base, step)
        (work / rel).mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            source, target = Path(base) / name, work / rel / name
            seen.add(target)
            if target.exists() and not target.is_symlink():
                a, b = source.stat(), target.stat()
                if (a.st_size, a.st_mtime_ns, a.st_mode) == (b.st_size, b.st_mtime_ns, b.st_mode):
                    continue
                if source.read_bytes() != target.read_bytes():
                    changed.append(source)
                target.unlink()
            else:
                new.append(source)
            shutil.copy2(source, target)
    for base, dirs, names in os.walk(work, topdown=False):
        for name in names:
            if Path(base) / name not in seen:
                (Path(base) / name).unlink()
        if not os.listdir(base) and Path(base) != work:
            os.rmdir(base)
    return changed, new


def data_dir():
    """The real histories, unpacked: ANNALS_DATA or ../shared/data (archives are unpacked into the scratch directory)."""
    given = Path(os.environ.get("ANNALS_DATA", ROOT.parent / "shared" / "data"))
    if not given.is_dir():
        say(f"skipped: no real histories at {given}; set ANNALS_DATA")
        return {}
    found = {}
    for entry in sorted(given.iterdir()):
        if entry.is_dir() and (entry / "0001").is_dir():
            found[entry.name] = entry
        elif entry.name.endswith(".tar.zst") and entry.name[:-8] not in found:
            name = entry.name[:-8]
            target = scratch() / "data" / name
            if not (target / "0001").is_dir():
                target.parent.mkdir(exist_ok=True)
                zstd = subprocess.Popen(["zstd", "-d", "--long=27", "-q", "-c", str(entry)], stdout=subprocess.PIPE)
                subprocess.run(["tar", "-xf", "-", "-C", str(target.parent)], stdin=zstd.stdout, check=True)
            found[name] = target
    return found


# ---------------------------------------------------------------- tables

class Table:
    def __init__(self, title, heads):
        self.title, self.heads, self.rows, self.notes = title, heads, [], []

    def row(self, *cells):
        self.rows.append([str(c) for c in cells])
        say("  " + " | ".join(self.rows[-1]))

    def note(self, text):
        self.notes.append(text)
        say("  " + text)

    def markdown(self):
        lines = [f"## {self.title}", ""]
        lines += ["| " + " | ".join(self.heads) + " |", "|" + "---|" * len(self.heads)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += [""] + [f"{note}\n" for note in self.notes]
        return "\n".join(lines)


def number(n):
    return "-" if n is None else f"{n:,.0f}"


def human(n):
    if n is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.2f} GB"


def met(figure, bar):
    return "met" if figure <= bar else "**missed**"


def machine():
    cpu = "unknown"
    try:
        cpu = next(line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} x {cpu}, {platform.system()} {platform.release()}"


def publish(section, script, tables, seed):
    """Prints the tables of a section and keeps them in results/SECTION.md."""
    RESULTS.mkdir(exist_ok=True)
    head = [f"# {section}", "", f"Made by `python3 benches/{script}.py {section}` (seed {seed}) on {time.strftime('%Y-%m-%d')}: {machine()}.",
            "Beside it: " + ", ".join(versions()) + ".", ""]
    text = "\n".join(head) + "\n" + "\n".join(t.markdown() for t in tables)
    (RESULTS / f"{section}.md").write_text(text.rstrip() + "\n")
    print(text, flush=True)
