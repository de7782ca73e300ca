#!/usr/bin/env python3
"""Capture of a database: bytes shipped, what its writer pays, and how fast it can write before transactions are merged.

    cargo build --release && python3 benches/capture.py              # everything, about twenty minutes on two cores
    python3 benches/capture.py capture-series capture-pace      # some sections
    python3 benches/capture.py --small                               # a tenth of the data

Bytes are exact: objects are counted in the remote's directory. The floor of a day is its net change as a changeset of SQLite's session
extension (the format is written here, because Python's sqlite3 has no session), compressed with zstd -19."""

import argparse
import contextlib
import json
import os
import pwd
import random
import re
import shutil
import signal
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import lab
from lab import Table, human, met, number

SEED = 20261120
WORDS = lab.Words(SEED)


def open_db(path):
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def sqlite_of(annals, db, *more):
    return annals.call("capture", "sqlite", db, "--prefix", "d/", *more, "--json").json()


# ---- the changeset format (https://www.sqlite.org/session/changeset_format.html in words of the source, sqlite3session.c)


def varint(n):
    groups = [n & 0x7F]
    while n := n >> 7:
        groups.append(n & 0x7F | 0x80)
    return bytes(reversed(groups))


def value(v):
    if v is None:
        return b"\x05"
    if isinstance(v, int):
        return b"\x01" + struct.pack(">q", v)
    if isinstance(v, float):
        return b"\x02" + struct.pack(">d", v)
    raw = v.encode() if isinstance(v, str) else v
    return (b"\x03" if isinstance(v, str) else b"\x04") + varint(len(raw)) + raw


def changeset(table, columns, changes):
    """`changes`: (old row or None, new row or None); the first column is the key."""
    out = [b"T" + varint(columns) + b"\x01" + b"\x00" * (columns - 1) + table.encode() + b"\x00"]
    for old, new in changes:
        if old is None:
            out.append(b"\x12\x00" + b"".join(map(value, new)))
        elif new is None:
            out.append(b"\x09\x00" + b"".join(map(value, old)))
        else:
            before = [value(o) if i == 0 or o != n else b"\x00" for i, (o, n) in enumerate(zip(old, new))]
            after = [value(n) if i > 0 and o != n else b"\x00" for i, (o, n) in enumerate(zip(old, new))]
            out.append(b"\x17\x00" + b"".join(before + after))
    return b"".join(out)


def packed(data):
    return len(subprocess.run(["zstd", "-19", "-q", "-c"], input=data, capture_output=True, check=True).stdout)


# ---- sections


def series(scale):
    """Thirty days of a 200,000-row database."""
    rows = int(200_000 * scale)
    pick = random.Random(SEED)
    db_path = lab.fresh("capture-series") / "app.db"
    db = open_db(db_path)
    db.execute("CREATE TABLE visit (id TEXT PRIMARY KEY, patient INTEGER, day TEXT, status TEXT, amount REAL, note TEXT)")
    db.execute("CREATE INDEX visit_patient ON visit (patient, day)")
    db.execute("CREATE INDEX visit_status ON visit (status)")
    states = ["planned", "arrived", "done", "billed", "paid"]

    def fresh(day):
        uid = str(uuid.UUID(int=pick.getrandbits(128)))
        return (uid, pick.randrange(50_000), f"2026-{1 + day // 28:02}-{1 + day % 28:02}", states[0], round(pick.random() * 900, 2), WORDS.text(12))

    table = {}
    db.execute("BEGIN")
    for _ in range(rows):
        row = fresh(0)
        table[row[0]] = row
        db.execute("INSERT INTO visit VALUES (?,?,?,?,?,?)", row)
    db.execute("COMMIT")
    keys = list(table)
    annals = lab.Annals(lab.fresh("capture-series-annals"))
    first = sqlite_of(annals, db_path)
    first_bytes = annals.ship()[0]
    out = Table(f"Thirty days of a database of {number(rows)} rows (0.5 % inserted, 1 % updated, 0.1 % deleted a day), shipped daily",
                ["day", "transactions", "merged intervals", "rows", "shipped", "changeset, zstd -19", "ratio", "bar 1.3"])
    total = [0, 0]
    for day in range(1, 31):
        before = dict(table)
        work = ["insert"] * (rows // 200) + ["update"] * (rows // 100) + ["delete"] * (rows // 1000)
        pick.shuffle(work)
        for at in range(0, len(work), 40):
            db.execute("BEGIN")
            for what in work[at:at + 40]:
                if what == "insert":
                    row = fresh(day)
                    table[row[0]] = row
                    keys.append(row[0])
                    db.execute("INSERT INTO visit VALUES (?,?,?,?,?,?)", row)
                else:
                    i = pick.randrange(len(keys))
                    key = keys[i]
                    if what == "update":
                        r = table[key]
                        status = states[(states.index(r[3]) + 1) % len(states)]
                        table[key] = (r[0], r[1], r[2], status, round(r[4] + 10, 2), r[5])
                        db.execute("UPDATE visit SET status = ?, amount = ? WHERE id = ?", (status, table[key][4], key))
                    else:
                        keys[i] = keys[-1]
                        keys.pop()
                        del table[key]
                        db.execute("DELETE FROM visit WHERE id = ?", (key,))
            db.execute("COMMIT")
            if at % 4000 == 0:
                # What a watch does all day long.
                sqlite_of(annals, db_path)
        seen = sqlite_of(annals, db_path)
        shipped, _, _ = annals.ship()
        changed = [(before.get(k), table.get(k)) for k in sorted(before.keys() | table.keys()) if before.get(k) != table.get(k)]
        floor = packed(changeset("visit", 6, changed))
        total[0] += shipped
        total[1] += floor
        if day in (1, 2, 3, 10, 20, 30):
            out.row(day, seen["transactions"], seen["merged_intervals"], number(len(changed)), human(shipped), human(floor),
                    f"{shipped / floor:.2f}", met(shipped / floor, 1.3))
    out.row("all", "", "", "", human(total[0]), human(total[1]), f"{total[0] / total[1]:.2f}", met(total[0] / total[1], 1.3))
    again = lab.absent("capture-again.db")
    annals.call("restore", "d/", "--into", again)
    check = sqlite3.connect(again).execute("SELECT * FROM visit ORDER BY id").fetchall()
    if check != db.execute("SELECT * FROM visit ORDER BY id").fetchall():
        raise lab.Failed("the restored database is not the captured one")
    out.note(f"The first capture: {number(first['rows'])} rows, shipped as {human(first_bytes)}. Restored at the end and compared row for row.")
    return [out]


def business(scale):
    """One business transaction alone, and many together."""
    db_path = lab.fresh("capture-business") / "app.db"
    db = open_db(db_path)
    pick = random.Random(SEED)
    uid = lambda: str(uuid.UUID(int=pick.getrandbits(128)))
    db.executescript("CREATE TABLE invoice (id TEXT PRIMARY KEY, name TEXT, day TEXT, total REAL); CREATE INDEX i1 ON invoice (name); CREATE INDEX i2 ON invoice (day);"
                     "CREATE TABLE line (id TEXT PRIMARY KEY, invoice TEXT, item TEXT, n INTEGER, price REAL); CREATE INDEX l1 ON line (invoice); CREATE INDEX l2 ON line (item);"
                     "CREATE TABLE stock (id TEXT PRIMARY KEY, item TEXT, n INTEGER, updated TEXT); CREATE INDEX s1 ON stock (item); CREATE INDEX s2 ON stock (updated);")
    stock = [uid() for _ in range(int(100_000 * scale))]
    db.execute("BEGIN")
    for s in stock:
        db.execute("INSERT INTO stock VALUES (?,?,?,?)", (s, uid(), pick.randrange(1000), "2026-01-01 08:00:00"))
    db.execute("COMMIT")

    def one():
        invoice = uid()
        db.execute("BEGIN")
        db.execute("INSERT INTO invoice VALUES (?,?,?,?)", (invoice, WORDS.text(3), "2026-03-04", round(pick.random() * 100, 2)))
        for _ in range(3):
            s = pick.choice(stock)
            db.execute("INSERT INTO line VALUES (?,?,?,?,?)", (uid(), invoice, s, pick.randrange(1, 9), round(pick.random() * 50, 2)))
            db.execute("UPDATE stock SET n = n - 1, updated = '2026-03-04 09:10:11' WHERE id = ?", (s,))
        db.execute("COMMIT")

    annals = lab.Annals(lab.fresh("capture-business-annals"))
    sqlite_of(annals, db_path)
    annals.ship()
    one()
    sqlite_of(annals, db_path)
    annals.ship()
    alone = []
    for _ in range(10):
        one()
        sqlite_of(annals, db_path)
        alone.append(annals.ship()[0])
    out = Table("A business transaction (1 invoice, 3 lines, 3 stock rows) on the line", ["shipped", "bytes each", "bar", ""])
    middle = sorted(alone)[len(alone) // 2]
    out.row("alone", number(middle), "600", met(middle, 600))
    for count in (20, 200):
        done = 0
        while done < count:
            for _ in range(10):
                one()
            done += 10
            sqlite_of(annals, db_path)
        bytes_each = annals.ship()[0] / count
        out.row(f"{count} together", f"{bytes_each:.0f}", "350", met(bytes_each, 350))
    return [out]


def watching(annals, db_path):
    child = subprocess.Popen([annals.binary, "-C", annals.store, "capture", "sqlite", db_path, "--prefix", "d/", "--watch", "--json=lines"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seen = []

    def listen():
        for line in child.stdout:
            seen.append((time.monotonic(), json.loads(line)))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    while not seen:
        time.sleep(0.01)
    return child, seen, thread


def pace(scale):
    """Commits a second that are captured one by one."""
    out = Table("Commits a second, watched", ["asked for", "written", "seconds", "captured one by one", "merged intervals", "caught up after", "bar: 2,000 without a gap"])
    for rate in (200, 1000, 2000, 4000):
        db_path = lab.fresh(f"capture-pace-{rate}") / "app.db"
        db = open_db(db_path)
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER)")
        db.execute("PRAGMA synchronous = OFF")
        annals = lab.Annals(lab.fresh(f"capture-pace-{rate}-annals"))
        child, seen, thread = watching(annals, db_path)
        seconds = max(2, int(20 * scale))
        begun, done = time.monotonic(), 0
        while (now := time.monotonic() - begun) < seconds:
            if done >= now * rate:
                time.sleep(0.0005)
                continue
            db.execute("INSERT INTO t (a, b) VALUES (?, ?)", (f"name {done}", done))
            done += 1
        ended = time.monotonic()
        total = lambda field: sum(s[1][field] for s in list(seen))
        while total("added") < done and time.monotonic() - ended < 120:
            time.sleep(0.05)
        late = time.monotonic() - ended
        child.terminate()
        child.wait()
        thread.join(5)
        merged = total("merged_intervals")
        out.row(number(rate), number(done), seconds, number(total("transactions") - 1), merged, f"{late:.1f} s",
                met(merged, 0) if rate == 2000 else "")
    return [out]


NEIGHBOUR = """
import os, sys, time
file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
while True:
    os.write(file, bytes(8192))
    os.fdatasync(file)
    time.sleep(0.1)
"""


def windows(beside, synchronous, nap, pairs, seconds=1.0):
    """A writer that goes on while what is beside it is stopped and let go on (SIGSTOP, SIGCONT), a window each, in the order off on on off.
    The times of its commits, off and on, and the ratio of the p50s of each pair of windows. While it is stopped the writer is at work in a second
    database like the first, so that what is let go on has the work of its own window to do and no more."""
    work = lab.fresh("capture-writer")
    dbs = {}
    for on in (False, True):
        db = dbs[on] = open_db(work / ("app.db" if on else "other.db"))
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER)")
    if beside == "capture":
        child = watching(lab.Annals(lab.fresh("capture-writer-annals")), work / "app.db")[0]
    elif beside == "neighbour":
        child = subprocess.Popen([sys.executable, "-c", NEIGHBOUR, work / "neighbour"])
    else:
        child = subprocess.Popen(["sleep", "3600"])
    times, ratios, i = {False: [], True: []}, [], 0
    for pair in range(pairs):
        p50 = {}
        for on in (False, True) if pair % 2 == 0 else (True, False):
            child.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
            seen, until, db = [], time.perf_counter() + seconds, dbs[on]
            while (began := time.perf_counter()) < until:
                db.execute("INSERT INTO t (a, b) VALUES (?, ?)", (f"name {i}", i))
                seen.append(time.perf_counter() - began)
                i += 1
                if nap:
                    time.sleep(nap)
            times[on] += seen
            p50[on] = median(seen)
        ratios.append(p50[True] / p50[False])
    child.send_signal(signal.SIGCONT)
    child.terminate()
    child.wait()
    [db.close() for db in dbs.values()]
    return times, ratios


def median(values):
    return sorted(values)[len(values) // 2]


def spread(ratios):
    """Where the median of the ratios lies, at 95 % (bootstrap, seeded)."""
    draw = random.Random(1)
    medians = sorted(median(draw.choices(ratios, k=len(ratios))) for _ in range(1000))
    return medians[25], medians[974]


def writer(scale):
    """What the application's writer pays."""
    out = Table("A writer while what is beside it is stopped and let go on in turn, a second each",
                ["writer", "beside it", "p50 off", "p50 on", "commits/s off", "commits/s on", "ratio of p50, paired", "95 %", "bar 1.05"])
    pairs = max(4, int(30 * scale))
    for name, synchronous, nap in (("does not sync, about 450 commits/s", "NORMAL", 0.002), ("syncs, about 400 commits/s", "FULL", 0.002),
                                   ("syncs, as fast as it can", "FULL", 0)):
        for beside in ("nothing", "neighbour", "capture"):
            times, ratios = windows(beside, synchronous, nap, pairs)
            low, high = spread(ratios)
            out.row(name, beside, *(f"{median(times[on]) * 1e6:.0f} µs" for on in (False, True)), *(number(len(times[on]) // pairs) for on in (False, True)),
                    f"{median(ratios):.3f}", f"{low:.3f} to {high:.3f}", met(median(ratios), 1.05) if beside == "capture" else "")
    out.note(f"{pairs} pairs of windows of one writer each. *Nothing* sleeps: what it shows is the noise of the machine. The neighbour writes 8 KiB and syncs "
             "them ten times a second: what anything costs that makes something durable on the same disk.")
    return [out]


def latency(scale):
    """From commit to queryable history."""
    db_path = lab.fresh("capture-latency") / "app.db"
    db = open_db(db_path)
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
    annals = lab.Annals(lab.fresh("capture-latency-annals"))
    child, seen, _ = watching(annals, db_path)
    times = []
    for i in range(max(10, int(60 * scale))):
        known = len(seen)
        db.execute("INSERT INTO t (a) VALUES (?)", (f"name {i}",))
        committed = time.monotonic()
        while len(seen) == known:
            time.sleep(0.001)
        times.append(seen[known][0] - committed)
        time.sleep(random.Random(i).random() * 0.3)
    child.terminate()
    child.wait()
    times.sort()
    middle = times[len(times) // 2] * 1000
    out = Table("From commit to the batch in the history", ["p50", "p95", "bar 300 ms"])
    out.row(f"{middle:.0f} ms", f"{times[int(len(times) * 0.95)] * 1000:.0f} ms", met(middle, 300))
    return [out]


class PostgresServer:
    """A server of our own, on a socket in a directory of its own."""

    def __init__(self):
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin/initdb")).parent
        self.dir = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.dir, self.user.pw_uid, self.user.pw_gid)
        self.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", self.dir / "data")
        settings = {"listen_addresses": "", "unix_socket_directories": self.dir, "wal_level": "logical", "shared_buffers": "128MB", "checkpoint_timeout": "30min", "max_wal_size": "4GB"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen([self.bin / "postgres", "-D", self.dir / "data", *words], stderr=subprocess.DEVNULL, **self.identity())
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", self.dir]).returncode != 0:
            time.sleep(0.1)
        self.run("pgbench", "-h", self.dir, "-U", "postgres", "-i", "-q", "-s", "5", "postgres")

    def identity(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": [], "cwd": self.dir} if self.user else {}

    def run(self, program, *words):
        return subprocess.run([self.bin / program, *words], check=True, capture_output=True, text=True, **self.identity()).stdout

    def cpu(self):
        """Seconds of processor of the server and all its processes, also those that ended."""
        while True:
            total, before = 0, self.children()
            for pid in before:
                with contextlib.suppress(OSError):
                    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                    total += int(fields[11]) + int(fields[12]) + (int(fields[13]) + int(fields[14]) if pid == self.process.pid else 0)
            # What one took that ended meanwhile may have been counted nowhere.
            if before == self.children():
                return total / os.sysconf("SC_CLK_TCK")

    def children(self):
        """The server's processes."""
        return {self.process.pid, *map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())}

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def sql(self, text):
        return self.run("psql", "-h", self.dir, "-U", "postgres", "-Atqc", text).strip()

    def connections_cpu(self, of="annals"):
        """Milliseconds of processor of the connections that a program holds: those of the capture."""
        pids = self.sql(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{of}'").split()
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e6

    @contextlib.contextmanager
    def received(self, publication):
        """While PostgreSQL's own program reads a publication by logical decoding, and throws it away."""
        words = [self.bin / "pg_recvlogical", "-h", self.dir, "-U", "postgres", "-d", "postgres", "-S", "peer"]
        subprocess.run([*words, "--create-slot", "-P", "pgoutput"], check=True, **self.identity())
        child = subprocess.Popen([*words, "--start", "-f", "/dev/null", "-F", "0", "-o", "proto_version=1", "-o", f"publication_names={publication}"],
                                 stderr=subprocess.DEVNULL, **self.identity())
        try:
            yield
        finally:
            child.terminate()
            child.wait()
            subprocess.run([*words, "--drop-slot"], check=True, **self.identity())


PGBENCH = ["pgbench_accounts", "pgbench_branches", "pgbench_tellers"]


def postgres_of(annals, pg, tables=PGBENCH):
    """The words that capture the server, which has its base."""
    words = [annals.binary, "-C", annals.store, "capture", "postgres", f"postgresql:///postgres?host={pg.dir}&user=postgres", "--name", "shop", "--tables", *tables]
    subprocess.run([*words, "--once"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return words


BUSINESS = ["invoice", "line", "stock"]
BUSINESS_TABLES = """
CREATE TABLE invoice (id text PRIMARY KEY, name text, day date, total numeric);
CREATE INDEX ON invoice (name); CREATE INDEX ON invoice (day);
CREATE TABLE line (id text PRIMARY KEY DEFAULT gen_random_uuid(), invoice text, item text, n int, price numeric);
CREATE INDEX ON line (invoice); CREATE INDEX ON line (item);
CREATE TABLE stock (id text PRIMARY KEY, item text, n int, updated timestamp);
CREATE INDEX ON stock (item); CREATE INDEX ON stock (updated);
INSERT INTO stock SELECT md5(i::text), gen_random_uuid(), 1000, '2026-01-01 08:00' FROM generate_series(1, 100000) i;
"""
BUSINESS_SCRIPT = """BEGIN;
\\set invoice random(1, 1000000000000)
INSERT INTO invoice VALUES (md5(:invoice::text), 'a customer of some name', '2026-03-04', 93.20);
""" + """\\set item random(1, 100000)
INSERT INTO line (invoice, item, n, price) VALUES (md5(:invoice::text), md5(:item::text), 3, 12.40);
UPDATE stock SET n = n - 3, updated = now() WHERE id = md5(:item::text);
""" * 3 + "COMMIT;\n"


def server(scale):
    """What a PostgreSQL server pays."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/pgbench")):
        lab.say("skipped: no PostgreSQL here")
        return []
    pg = PostgresServer()
    pg.sql(BUSINESS_TABLES)
    script = pg.dir / "business.sql"
    script.write_text(BUSINESS_SCRIPT)
    annals = lab.Annals(lab.fresh("capture-postgres-annals"))
    words = postgres_of(annals, pg, PGBENCH + BUSINESS)
    # What only writes shows what reading the log costs beside writing it; applications read more than they write.
    loads = {"200 transactions a second of an application (an invoice, its 3 lines, 3 rows of stock)": ["-R", "200", "-f", str(script)],
             "200 transactions a second of pgbench, which only write": ["-R", "200"],
             "200 transactions a second of pgbench, beside 1,800 that only read": ["-R", "2000", "-b", "tpcb-like@1", "-b", "select-only@9"]}
    tables = [server_beside(scale, pg, words, name, load) for name, load in loads.items()]
    pg.stop()
    return tables


def server_beside(scale, pg, words, name, load):
    """What the server pays beside one load."""
    publication = pg.sql("SELECT pubname FROM pg_publication ORDER BY length(pubname) LIMIT 1")

    @contextlib.contextmanager
    def captured():
        # What came while there was no capture is not what this load costs.
        subprocess.run([*words, "--once"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child = subprocess.Popen([*words, "--watch"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            child.terminate()
            child.wait()

    beside = {"off": contextlib.nullcontext, "off again": contextlib.nullcontext, "on": captured, "pg_recvlogical": lambda: pg.received(publication)}
    program = {"on": "annals", "pg_recvlogical": "pg_recvlogical"}
    runs = list(beside)
    latency, cpu, own = ({run: [] for run in of} for of in (runs, runs, program))
    for turn in range(max(2, int(6 * scale))):
        for run in runs[turn % 4:] + runs[:turn % 4]:
            # What one run leaves to autovacuum is not the work of the next.
            pg.sql("VACUUM ANALYZE")
            with beside[run]():
                time.sleep(2)
                bench = lambda seconds: pg.run("pgbench", "-h", pg.dir, "-U", "postgres", "-n", "-c", "2", *load, "-T", str(seconds), "postgres")
                # A capture first has to find out how busy the server is.
                bench(4)
                held = lambda: pg.connections_cpu(program[run]) if run in own else 0
                before, before_own = pg.cpu(), held()
                said = bench(max(3, int(15 * scale)))
                # As many seconds of the rate as it did: pgbench draws the moments, and no two runs do as much.
                seconds = int(re.search(r"actually processed: (\d+)", said)[1]) / int(load[1])
                if run in own:
                    own[run].append((held() - before_own) / seconds)
                latency[run].append(float(re.search(r"latency average = ([\d.]+)", said)[1]))
                cpu[run].append((pg.cpu() - before) / seconds * 1000)
    columns = [*((latency[run], 2) for run in runs), *((cpu[run], 0) for run in runs), *((own[run], 1) for run in program)]
    out = Table(f"A PostgreSQL server at {name}: without capture twice, with it, and with pg_recvlogical, turn by turn",
                ["round", "answer after: off", *runs[1:], "processor for a second: off", *runs[1:], "of that in the connections of the capture", "in that of pg_recvlogical"])
    for turn in range(len(cpu["off"])):
        out.row(turn + 1, *(f"{values[turn]:.{digits}f} ms" for values, digits in columns))
    out.row("middle", *(f"{statistics.median(values):.{digits}f} ms" for values, digits in columns))
    without = cpu["off"] + cpu["off again"]
    middle = statistics.median(without)
    beside_pair = lambda run: ", ".join(f"{2 * a / (b + c):.2f}" for a, b, c in zip(cpu[run], cpu["off"], cpu["off again"]))
    within = sum(value <= max(without) for value in cpu["on"])
    out.note(f"Processor: {statistics.median(cpu['on']) / middle:.2f} times the middle of the runs without capture ({middle:.0f} ms, {min(without):.0f} to "
             f"{max(without):.0f}), pg_recvlogical {statistics.median(cpu['pg_recvlogical']) / middle:.2f}; {within} of {len(cpu['on'])} runs with capture took no more than "
             f"some run without (bar: within noise). Against both runs without of its round: {beside_pair('on')}; pg_recvlogical {beside_pair('pg_recvlogical')}.")
    out.note("`wal_level = logical` always. How two runs without capture differ is the noise of the comparison. Decoding is the server's work, and is done "
             "in the connections of the capture: their processor is counted by the kernel, without that noise. pg_recvlogical is PostgreSQL's own reader "
             "of the same publication; it throws away what it reads.")
    return out


def server_latency(scale):
    """From commit on a PostgreSQL server to queryable history."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/pgbench")):
        lab.say("skipped: no PostgreSQL here")
        return []
    pg = PostgresServer()
    pg.sql("CREATE TABLE mark (id int PRIMARY KEY, n int)")
    pg.sql("INSERT INTO mark VALUES (1, 0)")
    words = postgres_of(lab.Annals(lab.fresh("capture-postgres-annals")), pg, [*PGBENCH, "mark"])
    out = Table("From commit on a PostgreSQL server to the batch in the history", ["other transactions a second (pgbench)", "p50", "p95", "bar 300 ms",
                "looks that recorded", "processor of the capture's connections for a second"])
    place = lambda text: sum(int(part, 16) << shift for part, shift in zip(text.split("/"), (32, 0)))
    for rate in (0, 3, 100, 200):
        seconds = max(5, int(60 * scale))
        child = subprocess.Popen([*words, "--watch", "--json=lines"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        seen = []

        def listen():
            for line in child.stdout:
                seen.append((time.monotonic(), place(json.loads(line)["lsn"])))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        while not seen:
            time.sleep(0.01)
        load = None
        if rate:
            load = subprocess.Popen([pg.bin / "pgbench", "-h", pg.dir, "-U", "postgres", "-n", "-c", "2", "-R", str(rate), "-T", "9999", "postgres"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **pg.identity())
        writer = subprocess.Popen([pg.bin / "psql", "-h", pg.dir, "-U", "postgres", "-Atq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                  **pg.identity())
        time.sleep(2)
        pick, committed = random.Random(SEED + rate), []
        before, first, begun = pg.connections_cpu(), len(seen), time.monotonic()
        while time.monotonic() - begun < seconds:
            writer.stdin.write("UPDATE mark SET n = n + 1;\nSELECT pg_current_wal_insert_lsn();\n")
            committed.append((place(writer.stdout.readline().strip()), time.monotonic()))
            time.sleep(pick.random() * 0.8)
        took, cpu, looks = time.monotonic() - begun, pg.connections_cpu() - before, len(seen) - first
        time.sleep(2)
        writer.stdin.close()
        writer.wait()
        if load:
            load.terminate()
            load.wait()
        child.terminate()
        child.wait()
        thread.join(5)
        # The place is one after the commit, so the look that recorded it is the first that says as much, or the last of all.
        times = sorted(next((when for when, to in seen if to >= at), seen[-1][0]) - when for at, when in committed)
        middle = times[len(times) // 2] * 1000
        out.row(rate or "none", f"{middle:.0f} ms", f"{times[int(len(times) * 0.95)] * 1000:.0f} ms", met(middle, 300), f"{looks / took:.1f}/s", f"{cpu / took:.1f} ms")
    pg.stop()
    out.note("The commit that is timed comes 2 to 3 times a second, at random.")
    return [out]


SECTIONS = {"capture-postgres": server, "capture-postgres-latency": server_latency, "capture-series": series, "capture-business": business, "capture-pace": pace, "capture-writer": writer, "capture-latency": latency}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], default=[])
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    for name in args.sections or SECTIONS:
        tables = SECTIONS[name](0.1 if args.small else 1)
        if not args.small:
            lab.publish(name, "capture", tables, SEED)


if __name__ == "__main__":
    main()
