#!/usr/bin/env python3
"""Time and memory: annals beside other programs, and beside SQLite and the bare file system, in one run on one machine.

    cargo build --release && cargo bench --no-run --bench driver && python3 benches/speed.py       # about an hour on two cores
    python3 benches/speed.py folders --small                                                        # a tenth of the data, some sections

Ratios are what counts: every figure has the figure it is compared with measured in the same run, turn by turn where it is short."""

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import lab
from lab import Failed, Run, Table, human, met

SEED = 20261121
PEERS = (lab.Bupstash, lab.ResticAuto, lab.BorgAuto, lab.RusticAuto)


def seconds(s):
    return "-" if s is None else f"{s:.2f} s" if s < 100 else f"{s:.0f} s"


def driver():
    """The newest binary of the bench target `driver`."""
    built = subprocess.run(["cargo", "bench", "--no-run", "--bench", "driver", "--message-format", "json", "-q"], cwd=lab.ROOT,
                           capture_output=True, text=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "driver" and message.get("executable"):
            return Path(message["executable"])
    raise Failed(f"cargo bench --no-run --bench driver failed: {built.stderr[-600:]}")


def measure(*args):
    return Run([measure.binary, *args]).json()


# ---------------------------------------------------------------- folders

def sources(folder, count):
    """Files like a source tree or a document share: many directories, sizes from 200 bytes to 60 kB, mostly small."""
    words = lab.Words(SEED)
    r = words.random
    for i in range(count):
        path = folder / f"part-{i // 400:02}" / f"unit-{i // 23 % 18:02}" / f"file-{i:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = min(60_000, int(200 + r.expovariate(1 / 7000)))
        text, lines = words.text(size // 6), []
        while text:
            lines.append(text[:90])
            text = text[90:]
        path.write_text("\n".join(lines))


def change_sources(folder, step):
    for i, path in enumerate(sorted(folder.rglob("*.txt"))[::600]):
        path.write_text(path.read_text() + f"\nstep {step} {i}\n")


def small_records(folder, count):
    lab.Folder(folder, lab.Records(SEED + 1, count, 300, 1000), 1000)


def change_records(folder, step):
    for path in sorted(folder.rglob("*.json"))[:: max(1, len(list(folder.iterdir())) * 50)]:
        path.write_text(path.read_text().replace('"quantity": ', f'"quantity": {step}', 1))


def database(folder, rows):
    """One SQLite file of about 61 MB at the full number of rows."""
    words = lab.Words(SEED + 2)
    db = sqlite3.connect(folder / "stock.db")
    db.execute("CREATE TABLE movements (id INTEGER PRIMARY KEY, item INTEGER, quantity INTEGER, place TEXT, note TEXT)")
    db.executemany("INSERT INTO movements (item, quantity, place, note) VALUES (?, ?, ?, ?)",
                   ((words.random.randint(1, 20_000), words.random.randint(-50, 50), words.text(1), words.text(22)) for _ in range(rows)))
    db.commit()
    db.close()


def change_database(folder, step):
    db = sqlite3.connect(folder / "stock.db")
    high = db.execute("SELECT max(id) FROM movements").fetchone()[0]
    db.executemany("UPDATE movements SET quantity = ? WHERE id = ?", ((step * 1000 + i, high * i // 20 + 1) for i in range(20)))
    db.commit()
    db.close()


def stat_walk(folder):
    """Seconds that find takes to walk the folder with one stat for each entry, the best of three."""
    return min(Run(["find", folder, "-printf", "%i %s %T@ %C@\\n"]).seconds for _ in range(3))


def folders(args, peers):
    scale = 10 if args.small else 1
    cases = (
        (f"{5900 // scale:,} files of text", lambda f: sources(f, 5900 // scale), change_sources),
        (f"{100_000 // scale:,} small JSON files", lambda f: small_records(f, 100_000 // scale), change_records),
        ("one SQLite file", lambda f: database(f, 370_000 // scale), change_database),
    )
    tables = []
    classes = [lab.Annals, *peers]
    shutil.rmtree(lab.scratch() / "speed", ignore_errors=True)
    for case, (what, make, change) in enumerate(cases):
        folder = lab.fresh(f"speed/{case}/folder")
        make(folder)
        plain = sum(size for size, _, _ in lab.tree_sizes(folder).values())
        table = Table(f"{what}, {human(plain)}", ["", "first", "its CPU", "next, few changes", "unchanged", "peak memory", "restore", "its CPU", "store on disk"])
        figures = {}
        for step, cls in enumerate(classes):
            figures[cls.name] = one_program(cls, folder, lambda: change(folder, step + 1), f"speed/{case}/{cls.name}")
        ours = figures["annals"]
        for name, f in figures.items():
            table.row(name, *[seconds(f[k]) for k in ("first", "first_cpu", "next", "same")], human(f["peak"]),
                      seconds(f["restore"]), seconds(f["restore_cpu"]), human(f["disk"]))
        walk = stat_walk(folder)
        files = sum(1 for _ in folder.rglob("*"))
        for key, label in (("first", "first ingest"), ("next", "next step"), ("restore", "restore")):
            best = min(((f[key], n) for n, f in figures.items() if n != "annals" and f[key] is not None), default=None)
            if best:
                table.note(f"{label}: {ours[key] / best[0]:.2f} x {best[1]}, the fastest of the others; {met(ours[key], best[0])}")
        table.note(f"unchanged: {ours['same'] / walk:.2f} x a stat walk of {files:,} entries by find ({walk:.3f} s, best of three); "
                   + (met(ours["same"], 2 * walk) if files > 50_000 else "the bar is for 100,000 files"))
        best = min(((f["disk"], n) for n, f in figures.items() if n in ("restic", "borg")), default=None)
        if best:
            table.note(f"store on disk: {ours['disk'] / best[0]:.2f} x {best[1]}; {met(ours['disk'], best[0])}")
        tables.append(table)
    shutil.rmtree(lab.scratch() / "speed", ignore_errors=True)
    return tables


def one_program(cls, folder, change, place):
    """First ingest, the next step, the same again (best of three) and a restore that is compared with the folder. Nothing is removed before all
    programs are through: for minutes after many files were removed, ext4 takes up to 30 times as long to make one."""
    work = lab.fresh(place)
    program = cls(work)
    # Files in use are older than a moment; those that are not are read again by a program that does not trust their times.
    time.sleep(3)
    # Who syncs must not pay for what others left to be written.
    os.sync()
    runs = [program.record(folder)]
    change()
    time.sleep(3)
    os.sync()
    runs.append(program.record(folder))
    same = min((program.record(folder) for _ in range(3)), key=lambda r: r.seconds)
    into = lab.absent(f"{place}-restored")
    os.sync()
    restored = program.restore(into)
    lab.compare(folder, into)
    disk = program.local_bytes()
    return {"first": runs[0].seconds, "first_cpu": runs[0].cpu_seconds, "restore_cpu": restored.cpu_seconds, "next": runs[1].seconds, "same": same.seconds, "peak": max(r.peak_bytes for r in runs),
            "restore": restored.seconds, "disk": disk}


# ---------------------------------------------------------------- in process

def batch(args, _):
    table = Table("JSON documents in one batch, beside the same rows in one SQLite transaction",
                  ["documents", "annals", "of that collecting", "SQLite", "ratio", "bar", "", "peak memory"])
    n = 10_000 if args.small else 100_000
    runs = [measure("batch", lab.fresh("speed/batch"), n) for _ in range(3)]
    f = min(runs, key=lambda r: r["annals_s"] / r["sqlite_s"])
    ratio = sorted(r["annals_s"] / r["sqlite_s"] for r in runs)[1]
    table.row(f"{n:,}", seconds(f["annals_s"]), seconds(f["of_that_collecting_s"]), seconds(f["sqlite_s"]), f"{ratio:.2f} (median of three)", "3",
              met(ratio, 3), human(f["peak_bytes"]))
    return [table]


def puts(args, _):
    table = Table("Durable single puts of a 400-byte document, turn by turn with a durable SQLite insert plus one synced file",
                  ["", "p50", "p99", "ratio of p50", "bar", ""])
    f = measure("puts", lab.fresh("speed/puts"), 100 if args.small else 500)
    plain, ours, larger = f["plain"], f["annals"], f["annals_20_kb"]
    ratio = ours["p50_us"] / plain["p50_us"]
    table.row("SQLite insert and a synced file", f"{plain['p50_us'] / 1000:.2f} ms", f"{plain['p99_us'] / 1000:.2f} ms", "1", "", "")
    table.row("annals put", f"{ours['p50_us'] / 1000:.2f} ms", f"{ours['p99_us'] / 1000:.2f} ms", f"{ratio:.2f}", "1.5", met(ratio, 1.5))
    ratio = larger["p50_us"] / plain["p50_us"]
    table.row("annals put of 20 kB (goes to the chunk store)", f"{larger['p50_us'] / 1000:.2f} ms", f"{larger['p99_us'] / 1000:.2f} ms",
              f"{ratio:.2f}", "1.5", met(ratio, 1.5))
    gain = f["eight_threads_puts_s"] / f["one_thread_puts_s"]
    table.note(f"One thread {f['one_thread_puts_s']:.0f} puts/s, eight threads {f['eight_threads_puts_s']:.0f} puts/s: group commit gives {gain:.1f} x; "
               + met(1, gain))
    return [table]


def million(args, _):
    """Everything that reads one large store."""
    n = 100_000 if args.small else 1_000_000
    few = 10_000
    table = Table(f"A store of {n:,} documents, one of them with 5,000 versions", ["what", "p50", "p99", "bar", ""])
    large, small = lab.fresh("speed/large"), lab.fresh("speed/few")
    filled = measure("fill", large, n)
    measure("fill", small, few)

    def latency(what, s, p50, p99):
        ok = s["p50_us"] <= p50 and s["p99_us"] <= p99
        table.row(what, f"{s['p50_us']:,.0f} us", f"{s['p99_us']:,.0f} us", f"{p50:,} / {p99:,} us", "met" if ok else "**missed**")

    g = measure("gets", large)
    latency("get, current", g["current"], 50, 500)
    latency("get, as of a past position", g["as_of"], 50, 500)
    latency("get, as of a mark, with finding the mark", g["as_of_with_finding_the_moment"], 50, 500)
    h = measure("history", large)
    latency(f"history of the document with {h['versions']:,} versions", h["history"], 10_000, 10_000)
    latency("history of an ordinary document", h["of_an_ordinary_document"], 10_000, 10_000)
    a, b = measure("rollback", small), measure("rollback", large)
    ratio = b["plan_and_apply"]["p50_us"] / a["plan_and_apply"]["p50_us"]
    table.row("rollback of 1,000 changes, plan and apply", f"{b['plan_and_apply']['p50_us'] / 1000:.0f} ms", f"{b['plan_and_apply']['p99_us'] / 1000:.0f} ms",
              f"2 x the same among {few:,} documents: {ratio:.2f} x ({a['plan_and_apply']['p50_us'] / 1000:.0f} ms)", met(ratio, 2))
    plain = [f["plain_updates"]["p50_us"] for f in (a, b)]
    table.note(f"Floor of the rollback: 1,000 spread rows of a plain SQLite table, updated in one transaction, take {plain[1] / 1000:.0f} ms among {n:,} rows "
               f"and {plain[0] / 1000:.0f} ms among {few:,}: {plain[1] / plain[0]:.2f} x. The rows lie on a page each; among few they share pages.")
    i = measure("idle", large)
    table.row("open", f"{i['open_ms']} ms", "", "", "")
    table.row("resident memory when opened", human(i["rss_at_open_bytes"]), "", "64 MiB", met(i["rss_at_open_bytes"], 64 << 20))
    table.row("resident memory after 1,000 reads", human(i["rss_bytes"]), "", "64 MiB", met(i["rss_bytes"], 64 << 20))
    table.note(f"Made in {seconds(filled['seconds'])} with a peak of {human(filled['peak_bytes'])}, {human(lab.disk_bytes(large))} on disk.")
    shutil.rmtree(large), shutil.rmtree(small)
    return [table]


def big(args, _):
    tables = []
    mib = args.gib * 1024 if args.gib else 128 if args.small else 1024
    for what, first, mib in (("that does not compress", "put", mib), ("of JSON lines", "put-text", mib // 8)):
        table = Table(f"One document of {mib:,} MiB {what}", ["verb", "seconds", "MB/s", "peak resident memory", "bar", ""])
        work = lab.fresh("speed/big")
        for verb, words in ((first, [mib]), ("get", []), ("ship", []), ("rebuild", [])):
            try:
                f = measure(f"big-{verb}", work, *words)
            except Failed as e:
                table.row(verb, "-", "-", "-", "128 MiB", f"**failed**: {str(e)[-200:]}")
                continue
            table.row(verb, seconds(f["seconds"]), f"{(mib << 20) / 1e6 / f['seconds']:.0f}", human(f["peak_bytes"]), "128 MiB (134.2 MB)",
                      met(f["peak_bytes"], 128 << 20))
            if verb == "ship":
                table.note(f"Shipped as {lab.number(f['bytes'])} bytes, {f['bytes'] / (mib << 20):.3f} x its size.")
        tables.append(table)
        shutil.rmtree(work, ignore_errors=True)
    return tables


def verify(args, peers):
    """Full verification, as bytes a second beside reading and hashing the same bytes."""
    table = Table("Full verification of 400 MB of records", ["program", "seconds", "MB/s of plain bytes"])
    folder = lab.fresh("speed/folder")
    lab.Folder(folder, lab.Records(SEED + 5, 2_000 if args.small else 20_000, 15_000, 25_000), 1000)
    plain = sum(size for size, _, _ in lab.tree_sizes(folder).values())
    commands = {"annals": ("verify", "--full", "--json"), "restic": ("check", "--read-data"), "borg": ("check", "--verify-data")}
    for cls in [lab.Annals, *peers]:
        if cls.name not in commands:
            continue
        program = cls(lab.fresh(f"speed/{cls.name}"))
        program.record(folder)
        run = program.call(*commands[cls.name])
        table.row(cls.name, seconds(run.seconds), f"{plain / 1e6 / run.seconds:.0f}")
    hashed = Run(["sh", "-c", f"cd {folder} && find . -type f -print0 | xargs -0 b2sum"])
    table.row("b2sum of the files", seconds(hashed.seconds), f"{plain / 1e6 / hashed.seconds:.0f}")
    shutil.rmtree(lab.scratch() / "speed", ignore_errors=True)
    return [table]


def question(args, peers):
    """What a person asks about one document, after thirty recorded states of a folder."""
    count, steps = (500, 10) if args.small else (5_000, 30)
    records = lab.Records(SEED + 6, count, 500, 1500)
    folder = lab.Folder(lab.fresh("speed/folder"), records, 100)
    path = folder.path(0).relative_to(folder.root)
    programs = {cls.name: cls(lab.fresh(f"speed/{cls.name}")) for cls in [lab.Annals, *peers] if cls.name in ("annals", "restic", "borg", "rustic")}
    first = records.bytes(records.all[0])
    for step in range(steps):
        if step:
            folder.later()
            for i in [*([0] if step % 3 == 0 else []), *records.random.sample(range(1, count), 9)]:
                records.change_field(i)
                folder.write(i)
        for program in programs.values():
            program.record(folder.root)
    versions = 1 + (steps - 1) // 3

    def annals(p):
        asked = p.call("log", f"d/{path}", "--json=lines")
        back = p.call("get", f"d/{path}@v1")
        return len(asked.out.splitlines()), asked.seconds, 1, back.out == first, back.seconds, 1

    def restic(p):
        asked = p.call("find", "--json", str(path))
        found = sum(len(m["matches"]) for m in json.loads(asked.out))
        oldest = p.call("snapshots", "--json")
        back = p.call("dump", json.loads(oldest.out)[0]["short_id"], f"/{path}")
        return found, asked.seconds, 1, back.out == first, oldest.seconds + back.seconds, 2

    def borg(p):
        runs = [p.call("list", "--format", "{mtime} {size}{NL}", f"::{n}", str(path)) for n in range(1, p.count + 1)]
        back = p.call("extract", "--stdout", "::1", str(path))
        return len({r.out for r in runs}), sum(r.seconds for r in runs), len(runs), back.out == first, back.seconds, 1

    def rustic(p):
        # Snapshots with the same answer are told as one, so an answer is a state.
        asked = p.call("find", "--path", str(path))
        found = sum(line.endswith(f'"{path}" ') or line.endswith(f'"{path}"') for line in asked.out.decode().splitlines())
        oldest = p.call("snapshots", "--json")
        back = p.call("dump", f"{json.loads(oldest.out)[0]['snapshots'][0]['id'][:8]}:{path}")
        return found, asked.seconds, 1, back.out == first, oldest.seconds + back.seconds, 2

    table = Table(f"One of {count:,} documents, {versions} versions of it among {steps} recorded states of the folder",
                  ["program", "which versions are there", "commands", "answer", "its first version again", "commands"])
    for name, ask in (("annals", annals), ("restic", restic), ("borg", borg), ("rustic", rustic)):
        if name not in programs:
            continue
        found, asked, ran, right, back, ran_back = ask(programs[name])
        if not right or (name == "annals" and found != versions):
            raise Failed(f"{name} gave something else")
        answer = f"{found} versions, who and why" if name == "annals" else f"{found} snapshots that have it" if name == "restic" else f"{found} states, by time and size"
        table.row(name, seconds(asked), str(ran), answer, seconds(back), str(ran_back))
    shutil.rmtree(lab.scratch() / "speed", ignore_errors=True)
    return [table]


READ_CALL = re.compile(r"^(?:\d+ +)?(?:read|pread64|readv|preadv|preadv2)\(\d+<([^>]*)>.* = (\d+)$")


def read_below(args, root, cwd=None, env=None):
    """What a command reads of the files below a directory: bytes and files. What a line to that directory would have to carry, at least."""
    trace = lab.scratch() / "trace"
    Run(["strace", "-f", "-qq", "-y", "-e", "trace=read,pread64,readv,preadv,preadv2", "-o", trace, *args], cwd=cwd, env=env)
    total, files = 0, set()
    for line in trace.read_text(errors="replace").splitlines():
        found = READ_CALL.match(line)
        if found and found[1].startswith(str(root)):
            total += int(found[2])
            files.add(found[1])
    trace.unlink()
    return total, len(files)


def thin(args, peers):
    """What has to come over the line to have things back, counted as what is read of the repository."""
    if not shutil.which("strace"):
        raise Failed("strace is not installed: what is read of a repository cannot be counted")
    count, steps = (500, 10) if args.small else (5_000, 30)
    records = lab.Records(SEED + 6, count, 500, 1500)
    folder = lab.Folder(lab.fresh("speed/folder"), records, 100)
    path = folder.path(0).relative_to(folder.root)
    programs = {cls.name: cls(lab.fresh(f"speed/{cls.name}")) for cls in [lab.Annals, *peers] if cls.name in ("annals", "restic", "borg", "rustic")}
    for step in range(steps):
        if step:
            folder.later()
            for i in [*([0] if step % 3 == 0 else []), *records.random.sample(range(1, count), 9)]:
                records.change_field(i)
                folder.write(i)
        for name, program in programs.items():
            program.backup(folder.root) if name == "annals" else program.record(folder.root)
    plain = sum(size for size, _, _ in lab.tree_sizes(folder.root).values())
    table = Table(f"Bytes read of the copy offsite to have things back: one of {count:,} documents, all of them ({human(plain)}), after {steps} states",
                  ["program", "one earlier version, the site stands", "one earlier version, the site is lost", "everything, the site is lost"])
    p = programs["annals"]
    again = lab.absent("speed/again")
    rebuilt, files = read_below([p.binary, "rebuild", "--from", f"dir:{p.remote}", "--into", again, "--key", p.store / "annals.key"], p.remote)
    stands = read_below([p.binary, "-C", p.store, "get", f"d/{path}@v1", "--out", lab.absent("speed/one")], p.remote)[0]
    table.row("annals", human(stands), f"{human(rebuilt)} (a rebuild fetches everything)", f"{human(rebuilt)} in {files} files: every version of all")
    if p := programs.get("restic"):
        env = {"RESTIC_PASSWORD": "bench"}
        call = ["restic", "-q", "--no-cache", "-r", p.repo]
        first = json.loads(p.call("snapshots", "--json").out)[0]["short_id"]
        one, files = read_below([*call, "dump", first, f"/{path}"], p.repo, env=env)
        whole, all_files = read_below([*call, "restore", "latest", "--target", lab.absent("speed/out-restic")], p.repo, env=env)
        table.row("restic", f"{human(one)} in {files} files", "the same", f"{human(whole)} in {all_files} files: the last state")
    if p := programs.get("rustic"):
        env = {"RUSTIC_PASSWORD": "bench", "RUSTIC_NO_PROGRESS": "true"}
        call = ["rustic", "--log-level", "error", "--no-cache", "-r", p.repo]
        first = json.loads(p.call("snapshots", "--json").out)[0]["snapshots"][0]["id"][:8]
        one, files = read_below([*call, "dump", f"{first}:{path}"], p.repo, env=env)
        whole, all_files = read_below([*call, "restore", "latest", lab.fresh("speed/out-rustic")], p.repo, env=env)
        table.row("rustic", f"{human(one)} in {files} files", "the same", f"{human(whole)} in {all_files} files: the last state")
    if p := programs.get("borg"):
        env = {"BORG_BASE_DIR": str(lab.absent("speed/base")), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
               "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_REPO": str(p.repo)}
        one, files = read_below(["borg", "extract", "--stdout", "::1", str(path)], p.repo, env=env)
        out = lab.fresh("speed/out-borg")
        whole, all_files = read_below(["borg", "extract", f"::{p.count}"], p.repo, cwd=out, env=env)
        table.row("borg", f"{human(one)} in {files} files", "the same", f"{human(whole)} in {all_files} files: the last state")
    table.note("The others without their caches, as on another machine; locks and listings are not counted.")
    shutil.rmtree(lab.scratch() / "speed", ignore_errors=True)
    return [table]


SECTIONS = {"folders": folders, "batch": batch, "puts": puts, "million": million, "big": big, "verify": verify, "question": question, "thin": thin}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=" ".join(SECTIONS))
    parser.add_argument("--small", action="store_true", help="a tenth of the data; proves that the bench runs, its figures prove nothing")
    parser.add_argument("--gib", type=int, help="size of the large document [default: 1]")
    parser.add_argument("--no-peers", action="store_true", help="only annals, SQLite and the file system")
    args = parser.parse_args()
    unknown = set(args.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if set(args.sections or SECTIONS) & {"batch", "puts", "million", "big"}:
        measure.binary = driver()
    peers = [] if args.no_peers else lab.available(PEERS)
    for section in args.sections or SECTIONS:
        lab.say(section)
        lab.publish(section, "speed", SECTIONS[section](args, peers), SEED)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main()
