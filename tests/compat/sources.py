#!/usr/bin/env python3
"""Writes the container documents of fixtures/sources: `sources.py DIR`. Two versions of each, the second a small edit of the first.

Made once with Python 3.11 and its zlib, and kept: what another zlib would write does not matter. The zips whose names start with `office` hold
streams of deflate.py, so that they also compare that encoder with the one of Annals.
"""

import base64
import gzip
import io
import os
import random
import struct
import sys
import zipfile
import zlib

from deflate import office_stream

STAMP = (2018, 9, 18, 14, 2, 0)


def paragraphs(seed, count, edited):
    """XML of some paragraphs; where `edited`, one of them says something else."""
    noise = random.Random(seed)
    words = "saken vedtak klage søknad barnet hjemmet møte referat tiltak oppfølging frist brev svar kontor avdeling".split()
    out = []
    for n in range(count):
        text = " ".join(noise.choice(words) for _ in range(noise.randint(5, 14)))
        if edited and n == count // 2:
            text = "Dette avsnittet er nytt."
        out.append(f'<w:p w:rsidR="{noise.getrandbits(32):08X}"><w:r><w:t>{text}</w:t></w:r></w:p>')
    return ("<w:document><w:body>" + "".join(out) + "</w:body></w:document>").encode()


def rows(count, edited):
    cell = lambda row: (row * 2654435761 & 0xFFFFFFFF) >> 19
    out = [f'<row r="{r}" spans="1:2"><c r="A{r}" t="s"><v>{cell(r)}</v></c><c r="B{r}"/></row>' for r in range(count)]
    if edited:
        out[count // 3] = '<row r="x"><c><v>edited</v></c></row>'
    return "".join(out).encode()


def letter(edited):
    """A zip as office programs write it: deflated and stored members, one of them streamed with a data descriptor."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data, method in [
            ("mimetype", b"application/x-letter", zipfile.ZIP_STORED),
            ("word/document.xml", paragraphs(1, 60, edited), zipfile.ZIP_DEFLATED),
            ("word/styles.xml", paragraphs(2, 20, False), zipfile.ZIP_DEFLATED),
        ]:
            info = zipfile.ZipInfo(name, STAMP)
            info.compress_type = method
            file.writestr(info, data)
    streamed = Unseekable()
    with zipfile.ZipFile(streamed, "w") as file:
        for name in ("docProps/core.xml", "docProps/app.xml"):
            info = zipfile.ZipInfo(name, STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            with file.open(info, "w") as member:
                member.write(paragraphs(3 + len(name), 9, edited and name.startswith("docProps/app")))
    return out.getvalue(), streamed.getvalue()


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors."""

    def __init__(self):
        super().__init__()
        self.out = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.out += data
        return len(data)

    def getvalue(self):
        return bytes(self.out)


def office(rules, edited):
    """A zip with one member that an Office program might have written, flushed as Excel does."""
    plain = rows(200, edited)
    front = len(plain) // 10
    stream = office_stream(plain, rules, [(front, 2), (len(plain) - 2 * front, 2), (front, 1), (0, 0)])
    return one_member(b"xl/worksheets/sheet1.xml", plain, stream)


def one_member(name, plain, stream):
    """A zip with one deflated member."""
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0x7040, 0x4D32, zlib.crc32(plain), len(stream), len(plain), len(name), 0)
    local = b"PK\3\4" + fields + name + stream
    central = b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def other(edited):
    """A zip by an encoder that is neither zlib as usual nor Office: zlib with a larger memory level."""
    plain = paragraphs(40, 120, edited)
    encoder = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)
    return one_member(b"word/document.xml", plain, encoder.compress(plain) + encoder.flush())


def picture(edited):
    """A PNG whose data stand in three chunks."""
    noise = random.Random(7)
    lines = [b"\0" + bytes((x * y + noise.randint(0, 3)) % 256 for x in range(64)) for y in range(64)]
    if edited:
        lines[30] = b"\0" + bytes(64)
    data = zlib.compress(b"".join(lines), 9)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    third = len(data) // 3
    pieces = [data[:third], data[third : 2 * third], data[2 * third :]]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(b"IDAT", piece) for piece in pieces) + chunk(b"IEND", b"")


def form(edited):
    """A PDF in outline: two deflated streams, one that is not, and a word that only looks like a stream."""
    objects = []
    for n, level in ((1, 6), (2, 1)):
        data = zlib.compress(paragraphs(20 + n, 25, edited and n == 2), level)
        objects.append(b"%d 0 obj\n<</Length %d/Filter/FlateDecode>>\nstream\r\n" % (n, len(data)) + data + b"\nendstream\nendobj\n")
    objects.append(b"3 0 obj\n<</Length 9>>\nstream\nnot zlib!\nendstream\nendobj\n4 0 obj\n(a stream of words)\nendobj\n")
    return b"%PDF-1.4\n" + b"".join(objects) + b"%%EOF\n"


def report(edited):
    """A PDF as some packages write it: each stream deflated, then written as ASCII85, in one line or in lines of 64 characters."""
    objects = []
    for n, width in ((1, 0), (2, 64)):
        data = zlib.compress(paragraphs(50 + n, 40, edited), 6)
        text = base64.a85encode(data, wrapcol=width) + b"~>"
        objects.append(b"%d 0 obj\n<</Length %d/Filter[/ASCII85Decode/FlateDecode]>>\nstream\n" % (n, len(text)) + text + b"endstream\nendobj\n")
    return b"%PDF-1.3\n" + b"".join(objects) + b"%%EOF\n"


def log(edited):
    """Two gzip members, the second with a name."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=6) as file:
        file.write(paragraphs(30, 30, edited))
    with gzip.GzipFile(filename="kveld.log", mode="wb", fileobj=out, mtime=0, compresslevel=9) as file:
        file.write(paragraphs(31, 10, False))
    return out.getvalue()


def main():
    into = sys.argv[1]
    os.makedirs(into, exist_ok=True)
    for version, edited in (("v1", False), ("v2", True)):
        whole, streamed = letter(edited)
        files = {"letter.docx": whole, "streamed.docx": streamed, "office-greedy.xlsx": office(0, edited), "office-lazy.xlsx": office(1, edited)}
        files |= {"picture.png": picture(edited), "form.pdf": form(edited), "report.pdf": report(edited), "log.gz": log(edited), "other.docx": other(edited)}
        for name, data in files.items():
            stem, ending = name.split(".")
            with open(os.path.join(into, f"{stem}.{version}.{ending}"), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
