"""Power cuts at every flush: see the script `run` beside this file."""

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import disk

SIZE = 512 << 20


class Work:
    """Runs the program on the disk and notes what it said was done."""

    def __init__(self, program, drive, root):
        self.program, self.drive, self.root = program, drive, root
        self.store = os.path.join(root, "store")
        self.dice = random.Random(1)
        self.serial = 0

    def annals(self, *words, data=None):
        done = subprocess.run([self.program, "-C", self.store, *words, "--json"], input=data, capture_output=True, cwd=self.root)
        if done.returncode != 0:
            sys.exit(f"annals {' '.join(words)}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def ack(self, kind, **what):
        self.drive.ack({"kind": kind, **what})

    def recorded(self, answer):
        self.ack("batch", seq=answer["position"]["seq"], digest=answer["position"]["digest"])

    def noise(self, size):
        self.serial += 1
        return random.Random(self.serial).randbytes(size)

    def put(self, size):
        self.recorded(self.annals("put", f"put/{self.dice.randrange(40)}", "-", data=self.noise(size)))

    def batch(self, count):
        lines = []
        for _ in range(count):
            self.serial += 1
            content = {"id": self.serial, "text": "the same words again " * self.dice.randrange(30)}
            lines.append(json.dumps({"op": "put", "key": f"case/{self.dice.randrange(300)}", "json": content}))
        self.recorded(self.annals("batch", "--from", "-", data="\n".join(lines).encode()))

    def capture(self):
        folder = os.path.join(self.root, "letters")
        os.makedirs(folder, exist_ok=True)
        for i in range(5):
            with open(os.path.join(folder, f"{self.dice.randrange(20)}.txt"), "wb") as out:
                out.write(self.noise(200 + 3000 * i))
        answer = self.annals("capture", "folder", folder, "--prefix", "letters/", "--once")
        if answer.get("seq"):
            self.ack("seq", seq=answer["seq"])

    def ship(self):
        answer = self.annals("ship", "--to", "usb")
        self.ack("ship", seq=answer["position"]["seq"])

    def rebuild(self):
        into = os.path.join(self.root, f"again-{self.serial}")
        key = os.path.join(self.store, "annals.key")
        answer = self.annals("rebuild", "--from", f"dir:{self.root}/usb", "--into", into, "--key", key)
        self.ack("rebuild", path=os.path.basename(into), seq=answer["position"]["seq"], digest=answer["position"]["digest"])

    def restore(self):
        self.serial += 1
        into = os.path.join(self.root, f"restored-{self.serial}")
        self.annals("restore", "letters/", "--into", into)
        self.ack("restore", path=os.path.basename(into), files=contents(into))

    def all(self, rounds):
        self.annals("init", "--site", "power")
        self.ack("init")
        os.makedirs(os.path.join(self.root, "usb"))
        fd = os.open(self.root, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        self.annals("remote", "add", "usb", f"dir:{self.root}/usb")
        self.ack("remote")
        for i in range(rounds):
            self.put(300)
            self.put(30_000)
            self.batch(40)
            self.batch(3)
            if i % 3 == 0:
                self.capture()
            if i % 4 == 1:
                self.annals("seal")
            if i % 3 == 2:
                self.ship()
            if i % 5 == 4:
                self.annals("gc")
            if i == rounds // 3:
                # More than a memtable of the chunk store: it is flushed, its journal is turned over.
                self.put(24 << 20)
            if i == rounds // 2:
                self.restore()
                self.ship()
                self.rebuild()
        self.ship()


def contents(folder):
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read().hex()
    return found


class Check:
    """What must be true of a disk after a cut, given everything that was acknowledged before it."""

    def __init__(self, program, target, scratch):
        self.program, self.target, self.scratch = program, target, scratch

    def annals(self, store, *words):
        done = subprocess.run([self.program, "-C", os.path.join(self.target, store), *words], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def failures(self, acks, deep):
        kinds = {ack["kind"] for ack in acks}
        present = os.path.exists(os.path.join(self.target, "store/annals.store"))
        if not present:
            return ["the store is not there"] if "init" in kinds else []
        out = list(self.store("store", [a for a in acks if a["kind"] in ("batch", "seq")]))
        shipped = max((ack["seq"] for ack in acks if ack["kind"] == "ship"), default=0)
        if shipped:
            out += self.remote(shipped, deep)
        for ack in acks:
            if ack["kind"] == "rebuild" and deep:
                out += self.store(ack["path"], [ack])
            if ack["kind"] == "restore" and contents(os.path.join(self.target, ack["path"])) != ack["files"]:
                out.append("a restored folder is not whole")
        return out

    def store(self, name, acks):
        code, text, error = self.annals(name, "verify", "--full", "--json")
        if code != 0:
            yield f"{name}: verify ends with {code}: {text or error}"
            return
        code, text, error = self.annals(name, "log", "--json=lines")
        if code != 0:
            yield f"{name}: log ends with {code}: {error}"
            return
        digests = {batch["seq"]: batch["digest"] for batch in map(json.loads, text.splitlines())}
        for ack in acks:
            if ack["seq"] not in digests or ack.get("digest", digests[ack["seq"]]) != digests[ack["seq"]]:
                yield f"{name}: batch {ack['seq']} was acknowledged and is not there"

    def remote(self, shipped, deep):
        code, text, error = self.annals("store", "verify", "--remote", "usb", "--full", "--json")
        if code != 0:
            yield f"verify --remote ends with {code}: {text or error}"
        if not deep:
            return
        into = os.path.join(self.scratch, "again")
        shutil.rmtree(into, ignore_errors=True)
        words = ["rebuild", "--from", f"dir:{self.target}/usb", "--into", into, "--key", os.path.join(self.target, "store/annals.key"), "--json"]
        code, text, error = self.annals("store", *words)
        # 3: a shipment that was on its way is missing in part, which is said. What had been shipped must be there.
        if code not in (0, 3):
            yield f"rebuild from the remote ends with {code}: {text or error}"
        elif json.loads(text)["position"]["seq"] < shipped:
            yield f"the remote gives back less than batch {shipped}, which was shipped"


def replay(start, events, scratch, target, judge, seed, every):
    """Cuts at every `every`th flush from event `start` on, twice: nothing of the epoch after it survives, and a random part of it does."""
    image = os.path.join(scratch, "image")
    state = disk.Replay(SIZE, image)
    dice = disk.dice(seed)
    acks, cuts, failed = [], 0, []
    stretches = list(disk.epochs(events))
    for number, (begin, end) in enumerate(stretches):
        epoch = events[begin:end]
        writes = [event for event in epoch if event[0] == "write"]
        # What came before is the making of the file system: a cut there leaves none.
        if writes and begin >= start and number % every == 0:
            # As late as it can be: all that was acknowledged before the next flush must be there without it.
            tries = [("nothing of what was not flushed", [], len(epoch)), ("a torn part of it", None, dice.randrange(len(epoch)) + 1)]
            for what, extra, until in tries:
                due = acks + [event[1] for event in epoch[:until] if event[0] == "ack"]
                state.write(list(disk.torn(epoch[:until], dice)) if extra is None else extra)
                cuts += 1
                try:
                    with disk.Mounted(image, target):
                        problems = judge(due, cuts % 8 == 0)
                except OSError as e:
                    problems = [str(e)]
                if problems:
                    failed.append(f"flush {number}, {what}, {len(due)} acknowledged: {'; '.join(problems)}")
                    print(failed[-1], flush=True)
                if cuts % 100 == 0:
                    print(f"  {cuts} cuts, {number} of {len(stretches)} flushes", flush=True)
        for event in epoch:
            if event[0] == "write":
                state.apply(event[1], event[2])
            elif event[0] == "ack":
                acks.append(event[1])
    return cuts, failed


def record(scratch, target, work):
    """Runs `work` on a fresh disk, mounted where its images will be, and gives what happened to it."""
    image = os.path.join(scratch, "disk")
    drive = disk.Disk(image, SIZE)
    try:
        disk.run("mkfs.ext4", "-q", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", image)
        with disk.Mounted(image, target):
            os.sync()
            with drive.lock:
                start = len(drive.events)
            work(drive, target)
            drive.ack({"kind": "end"})
        return start, drive.events
    finally:
        drive.close()


def careless(drive, root):
    """A program that says "done" before it is: the rig must find it out."""
    base = sqlite3.connect(os.path.join(root, "careless.db"), isolation_level=None)
    base.execute("PRAGMA synchronous=OFF")
    base.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
    base.execute("PRAGMA journal_mode=WAL")
    for i in range(200):
        base.execute("INSERT INTO t VALUES (?, ?)", (i, random.Random(i).randbytes(2000)))
        drive.ack({"kind": "row", "id": i})
        if i % 20 == 19:
            # Somebody else on the machine syncs.
            fd = os.open(os.path.join(root, "other"), os.O_CREAT | os.O_WRONLY)
            os.fsync(fd)
            os.close(fd)
    base.close()


def careless_failures(target):
    def judge(acks, _):
        rows = [ack["id"] for ack in acks if ack["kind"] == "row"]
        if not rows:
            return []
        base = sqlite3.connect(os.path.join(target, "careless.db"))
        try:
            there = {row[0] for row in base.execute("SELECT id FROM t")}
        except sqlite3.Error as e:
            return [str(e)]
        finally:
            base.close()
        return [] if there.issuperset(rows) else [f"{len(set(rows) - there)} rows lost"]
    return judge


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=12, help="how much work is done")
    parser.add_argument("--every", type=int, default=1, help="cut at every n-th flush")
    parser.add_argument("--seed", type=int, default=1, help="of what survives of torn epochs")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    scratch = tempfile.mkdtemp(prefix="annals-power-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    target = os.path.join(scratch, "after")
    os.makedirs(target)
    try:
        started = time.monotonic()
        start, events = record(scratch, target, careless)
        cuts, failed = replay_quietly(start, events, scratch, target, careless_failures(target), options)
        print(f"control, a program that does not sync: {cuts} cuts, {len(failed)} of them lost what was acknowledged", flush=True)
        if not failed:
            sys.exit("the rig does not notice losses: nothing that it says about annals would mean anything")
        start, events = record(scratch, target, lambda drive, root: Work(program, drive, root).all(options.rounds))
        count = lambda kind: sum(1 for event in events[start:] if event[0] == kind)
        print(f"annals: {count('write')} writes, {count('flush')} flushes, {count('ack')} acknowledgements", flush=True)
        check = Check(program, target, scratch)
        cuts, failed = replay(start, events, scratch, target, check.failures, options.seed, options.every)
        print(f"annals: {cuts} cuts, {len(failed)} failures, seed {options.seed}, {time.monotonic() - started:.0f} s")
        sys.exit(1 if failed else 0)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def replay_quietly(start, events, scratch, target, judge, options):
    with open(os.devnull, "w") as nowhere:
        said, sys.stdout = sys.stdout, nowhere
        try:
            return replay(start, events, scratch, target, judge, options.seed, 1)
        finally:
            sys.stdout = said


if __name__ == "__main__":
    main()
