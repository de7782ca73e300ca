#!/usr/bin/env python3
"""Bytes on the line: what one step of history costs to ship, beside other programs and beside what zstd alone makes of the change.

    cargo build --release && python3 benches/bytes.py            # everything, about half an hour on two cores
    python3 benches/bytes.py documents office                    # some sections

Bytes are exact: the data comes from a seed and the objects are counted in the remote's directory."""

import argparse
import base64
import json
import random
import shutil
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import lab
from lab import Table, human, met, number

SEED = 20261120
PEERS = (lab.Restic, lab.Borg, lab.Rustic)


class Steps:
    """annals and its peers side by side on one folder."""

    def __init__(self, name, classes):
        self.folder = lab.fresh(f"{name}/folder")
        self.name = name
        self.peers = classes
        self.programs = None

    def start(self, with_annals=True):
        classes = ([lab.Annals] if with_annals else []) + self.peers
        self.programs = [c(lab.fresh(f"{self.name}/{c.name}")) for c in classes]
        return self.step()

    def step(self):
        """(bytes, objects) of each program for the folder as it is now."""
        return {p.name: p.backup(self.folder) for p in self.programs}

    def prove(self):
        """What was shipped must give the folder back, or its size means nothing."""
        self.programs[0].prove(self.folder)

    def end(self):
        shutil.rmtree(lab.scratch() / self.name, ignore_errors=True)


def cell(done, name):
    return f"{human(done[name][0])} in {done[name][1]}" if name in done else "-"


def documents(peers):
    """A few of 10,000 JSON documents with one field changed."""
    steps = Table("One field changed in a few of 10,000 JSON documents of 0.5-1.5 kB, seal and ship",
                  ["documents changed", "bar", "annals", "objects", "", *[p.name for p in peers]])
    first = first_table(peers)
    bars = {1: 500, 10: 1200, 100: 4000}
    for layout, per_directory in (("100 per directory", 100), ("all in one directory", 0)):
        records = lab.Records(SEED, 10_000, 500, 1500)
        lab_steps = Steps("documents", peers)
        folder = lab.Folder(lab_steps.folder, records, per_directory)
        done = lab_steps.start()
        first_row(first, f"10,000 documents, {layout}", done, lab_steps.folder, peers)
        for count, bar in bars.items():
            # The worst of three: a step's bytes depend a little on which documents it touches.
            worst = {}
            for _ in range(3):
                folder.later()
                for i in sorted(records.random.sample(range(10_000), count)):
                    records.change_field(i)
                    folder.write(i)
                for name, figures in lab_steps.step().items():
                    worst[name] = max(worst.get(name, (0, 0)), figures)
            bytes_, objects = worst["annals"]
            ok = met(bytes_, bar) if objects == 1 else "**missed**"
            steps.row(f"{count} ({layout})", number(bar), number(bytes_), objects, ok, *[cell(worst, p.name) for p in peers])
        lab_steps.prove()
        lab_steps.end()
    steps.note("Each the worst of three steps. Peers: bytes in new or grown files of the repository's data, with the number of those files.")
    return [steps, first]


def records(peers):
    """1,000 of 100,000 records with one field changed and one entry appended."""
    table = Table("1,000 of 100,000 JSON records of 0.5-4 KiB changed: one field and one appended entry each",
                  ["form", "bar", "annals", "objects", "", *[p.name for p in peers]])
    first = first_table(peers)
    data = lab.Records(SEED + 1, 100_000, 512, 4096)
    lab_steps = Steps("records", peers)
    folder = lab.Folder(lab_steps.folder, data, 1000)
    done = lab_steps.start()
    first_row(first, "100,000 records of 0.5-4 KiB", done, lab_steps.folder, peers)
    folder.later()
    chosen = sorted(data.random.sample(range(100_000), 2000))
    before = {i: folder.path(i).read_bytes() for i in chosen[::2]}
    for i in chosen[::2]:
        data.change_both(i)
        folder.write(i)
    floor = floor_of_entries(before, {i: folder.path(i).read_bytes() for i in chosen[::2]})
    done = lab_steps.step()
    table.row("files of a folder (with their times)", number(60_000), number(done["annals"][0]), done["annals"][1], met(done["annals"][0], 60_000),
              *[cell(done, p.name) for p in peers])
    lab_steps.prove()
    # The others of the chosen, straight from an application: no files, so no times.
    for i in chosen[1::2]:
        data.change_both(i)
    lines = lab.scratch() / "records.ndjson"
    with open(lines, "w") as out:
        for i in chosen[1::2]:
            text = lab.Records.bytes(data.all[i]).decode()
            out.write(json.dumps({"op": "put", "key": f"d/{folder.path(i).relative_to(folder.root)}", "text": text}) + "\n")
    ours = lab_steps.programs[0]
    ours.call("batch", "--from", lines, "--reason", "day", "--json")
    bytes_, objects, _ = ours.ship()
    table.row("documents of a batch", number(60_000), number(bytes_), objects, met(bytes_, 60_000), *["-" for _ in peers])
    table.note(f"Floor, one `zstd -19 --patch-from` over all changed records at once, told which they are: {number(floor)} bytes.")
    lab_steps.end()
    return [table, first]


def floor_of_entries(before, after):
    old, new = lab.scratch() / "old", lab.scratch() / "new"
    old.write_bytes(b"".join(before.values()))
    new.write_bytes(b"".join(after.values()))
    return lab.zstd_bytes(new, old)


def series(peers):
    """Every real history step by step."""
    table = Table("Real histories, step by step: captured, sealed and shipped each step",
                  ["series", "steps", "floor", "bar", "annals", "", *[p.name for p in peers]])
    first = first_table(peers)
    for name, source in lab.data_dir().items():
        steps = sorted(p for p in source.iterdir() if p.is_dir())
        lab_steps = Steps(f"series-{name}", peers)
        totals, floor, begun = {}, 0, None
        for at, step in enumerate(steps):
            previous = begun
            begun = step
            changed, new = lab.apply_step(step, lab_steps.folder)
            if at == 0:
                done = lab_steps.start()
                first_row(first, name, done, lab_steps.folder, peers)
                continue
            for path in changed:
                floor += lab.zstd_bytes(path, previous / path.relative_to(step))
            floor += sum(lab.zstd_bytes(path) for path in new)
            for program, (bytes_, _) in lab_steps.step().items():
                totals[program] = totals.get(program, 0) + bytes_
            if at == 29 or at == len(steps) - 1:
                bar = 400_000 if name == "us-core-office" and at == 29 else floor * 1.15 + 300 * at
                table.row(name, f"2..{at + 1}", number(floor), number(bar), number(totals["annals"]), met(totals["annals"], bar),
                          *[human(totals[p.name]) for p in peers])
        lab_steps.prove()
        lab_steps.end()
    if not table.rows:
        table.note("Skipped: no real histories found; set ANNALS_DATA.")
    table.note("Floor: per changed file `zstd -19 --long=27 --patch-from` its previous version, per new file `zstd -19 --long=27`, names not counted. "
               "Bar: 1.15 x floor + 300 bytes a step; for us-core-office's 29 later steps 400 kB, to be met with `--features msoffice`.")
    return [table, first]


def office(peers):
    """Small edits in documents that are deflate containers."""
    table = Table("One small edit in a deflate container, mean of five",
                  ["document", "size", "floor", "bar", "annals", "worst", "", *[p.name for p in peers]])
    lab_peers = peers
    kinds = (("docx", 400, docx), ("xlsx", 350, xlsx), ("odt", 240, odt), ("pdf", 1050, pdf), ("pdf, streams as text", 1050, pdf_as_text),
             ("zip of text", 400, zip_of_text))
    for kind, bar, make in kinds:
        lab_steps = Steps("office", lab_peers)
        path = lab_steps.folder / f"document.{kind.split(',')[0].split()[0]}"
        try:
            state = make(path, None)
        except ImportError as e:
            table.note(f"Skipped {kind}: {e.name} is not installed (pip install python-docx openpyxl odfpy reportlab).")
            continue
        lab_steps.start()
        figures, floor = {}, 0
        old, new = lab.scratch() / "old", lab.scratch() / "new"
        for _ in range(5):
            old.write_bytes(inflated(path))
            state = make(path, state)
            new.write_bytes(inflated(path))
            floor += lab.zstd_bytes(new, old) / 5
            for name, (bytes_, objects) in lab_steps.step().items():
                figures.setdefault(name, []).append((bytes_, objects))
        mean = {n: (sum(b for b, _ in f) / len(f), max(o for _, o in f)) for n, f in figures.items()}
        table.row(kind, human(path.stat().st_size), number(floor), number(bar), number(mean["annals"][0]), number(max(figures["annals"])[0]),
                  met(mean["annals"][0], bar + 200), *[cell(mean, p.name) for p in lab_peers])
        lab_steps.prove()
        lab_steps.end()
    table.note("Floor: `zstd -19 --patch-from` of everything inflated, which leaves out how to deflate it again. "
               "The bar is what the delta itself was measured at; the object around it (name, time, seal) may add 200 bytes. "
               "Each edit: four words (docx, odt, pdf, zip) or ten cells (xlsx). Files are written whole by the usual Python packages.")
    return [table]


def inflated(path):
    """A container with its deflate streams opened, for the floor."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as members:
            return b"".join(name.encode() + members.read(name) for name in members.namelist())
    out, at = [], 0
    while (start := data.find(b"stream\n", at)) >= 0 and (end := data.find(b"endstream", start + 7)) >= 0:
        out.append(data[at:start])
        stream = data[start + 7:end]
        try:
            out.append(zlib.decompress(a85(stream)))
        except (ValueError, zlib.error):
            out.append(stream)
        at = end + 9
    return b"".join([*out, data[at:]])


def a85(stream):
    """Bytes of a PDF stream that is written as text (ASCII85), or as it is."""
    text = stream.strip()
    return base64.a85decode(text[:-2]) if text.endswith(b"~>") else stream


def paragraphs(state, count):
    """The state of a text document: words with a seed of their own, and paragraphs; four words are edited each time."""
    if state is None:
        words = lab.Words(SEED + 2)
        return words, [words.text(words.random.randint(30, 120)) for _ in range(count)]
    words, texts = state
    for _ in range(4):
        at = words.random.randrange(len(texts))
        parts = texts[at].split(" ")
        parts[words.random.randrange(len(parts))] = words.text(1)
        texts[at] = " ".join(parts)
    return words, texts


def picture(seed, width=160, height=120):
    """A PNG of noise on a gradient, so that documents hold something that cannot be packed again."""
    r = random.Random(seed)
    rows = b"".join(b"\0" + bytes(min(255, x + y // 2 + r.randrange(40)) for x in range(width) for _ in range(3)) for y in range(height))

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows, 9)) + part(b"IEND", b"")


def picture_file():
    path = lab.scratch() / "picture.png"
    path.write_bytes(picture(7))
    return str(path)


def docx(path, state):
    import docx as package
    state = paragraphs(state, 300)
    document = package.Document()
    document.add_heading("Report", 0)
    for i, text in enumerate(state[1]):
        if i % 25 == 0:
            document.add_heading(f"Part {i // 25 + 1}", 1)
        document.add_paragraph(text)
    document.add_picture(picture_file())
    document.save(path)
    return state


def xlsx(path, state):
    import openpyxl
    if state is None:
        words = lab.Words(SEED + 3)
        r = words.random
        state = words, [[i, words.text(2), r.randint(1, 10**6), r.random(), words.text(4), r.randint(1, 99)] for i in range(8000)]
    else:
        words, rows = state
        for _ in range(10):
            rows[words.random.randrange(len(rows))][2] = words.random.randint(1, 10**6)
    book = openpyxl.Workbook()
    sheet = book.active
    for row in state[1]:
        sheet.append(row)
    book.save(path)
    return state


def odt(path, state):
    from odf.opendocument import OpenDocumentText
    from odf.text import P
    state = paragraphs(state, 250)
    document = OpenDocumentText()
    for text in state[1]:
        document.text.addElement(P(text=text))
    document.save(str(path))
    return state


def pdf_as_text(path, state):
    """The package's default: each stream deflated and then written as ASCII85."""
    return pdf(path, state, as_text=1)


def pdf(path, state, as_text=0):
    from reportlab import rl_config
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Image, Paragraph, SimpleDocTemplate, Spacer
    rl_config.useA85 = as_text
    state = paragraphs(state, 300)
    style = getSampleStyleSheet()["Normal"]
    story = [Image(picture_file(), 160, 120)]
    for text in state[1]:
        story += [Paragraph(text, style), Spacer(1, 6)]
    SimpleDocTemplate(str(path)).build(story)
    return state


def zip_of_text(path, state):
    state = paragraphs(state, 300)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for part in range(10):
            out.writestr(f"part-{part}.txt", "\n\n".join(state[1][part * 30:part * 30 + 30]))
    return state


def first_table(peers):
    return Table("First shipment of a folder", ["folder", "plain", "tar, zstd -19 --long=27", "bar", "annals", "", *[p.name for p in peers]])


def first_row(table, what, done, folder, peers):
    """No larger than borg with zstd,19 and within 1.1x of tar | zstd -19."""
    plain = sum(size for size, _, _ in lab.tree_sizes(folder).values())
    packed = lab.tar_zstd_bytes(folder)
    bar = min(packed * 1.1, done["borg"][0] if "borg" in done else packed * 1.1)
    ours = done["annals"][0]
    table.row(what, human(plain), number(packed), number(bar), number(ours), met(ours, bar), *[human(done[p.name][0]) for p in peers])


SECTIONS = {"documents": documents, "records": records, "series": series, "office": office}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=" ".join(SECTIONS))
    parser.add_argument("--no-peers", action="store_true", help="only annals and the floors")
    args = parser.parse_args()
    unknown = set(args.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if not shutil.which("zstd"):
        sys.exit("the zstd program is needed for the floors: apt-get install zstd")
    peers = [] if args.no_peers else lab.available(PEERS)
    for section in args.sections or SECTIONS:
        lab.say(section)
        lab.publish(section, "bytes", SECTIONS[section](peers), SEED)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main()
