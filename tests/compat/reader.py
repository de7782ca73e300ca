#!/usr/bin/env python3
"""Reads what Annals keeps on a remote, from FORMAT.md alone and without a line of Annals.

It is the second opinion of the tests, and a way out that needs nothing but Python, pynacl, zstandard and blake3:

    reader.py REMOTE --key annals.key --verify
    reader.py REMOTE --sheet sheet.txt --list --versions
    reader.py REMOTE --key annals.key --get letters/1.txt@v3 > 1.txt
    reader.py REMOTE --key annals.key --extract DIR
    reader.py REMOTE --key annals.key --attestation held.json

REMOTE is a directory. A passphrase is taken from ANNALS_PASSPHRASE. Everything is checked before it is shown: objects against their
names, boxes against their tags, contents and records against the chain of digests.
"""

import argparse
import collections
import functools
import json
import os
import re
import struct
import sys
import tempfile
import zlib

import nacl.bindings
import nacl.exceptions
import nacl.pwhash
import nacl.signing
import zstandard
from blake3 import blake3

from deflate import office_stream

BLOCK_PLAIN_BYTES_MAX = 8388608
PREFIX_BYTES_MAX = 8388608
TAIL_BYTES_MAX = 1073741824
SEGMENT_BYTES_MAX = 268435456
KEY_BYTES_MAX = 4096
TEXT_BYTES_MAX = 4096
ORDINAL_MAX = 281474976710656
CONTAINER_BYTES_MAX = 33554432
INFLATE_BYTES_MAX = 67108864
INFLATE_RATIO_MAX = 200
KEY_FILE_BYTES_MAX = 65536
ATTESTATION_BYTES_MAX = 67108864
BATCH_CHANGES_MAX = 4000000
SUBJECTS_MAX = 64
SUBJECT_OBJECT_BYTES_MAX = 16777216
ZEROS = bytes(32)

FAILED, USAGE, PARTLY, FOUND, MISSING, DENIED, NEWER = 1, 2, 3, 4, 5, 12, 16


class Bad(Exception):
    """Something that cannot be used, with the exit code that it leads to."""

    def __init__(self, text, code=FAILED):
        super().__init__(text)
        self.code = code


class Unsupported(Exception):
    """A document that this reader is too small for."""


def derive(sentence, material):
    return blake3(material, derive_key_context=sentence).digest()


def keyed(key, material):
    return blake3(material, key=key).digest()


def digest(material):
    return blake3(material).digest()


def open_aead(key, nonce, context, sealed, what):
    try:
        return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, context, nonce, key)
    except (nacl.exceptions.CryptoError, nacl.exceptions.ValueError):
        raise Bad(f"{what} does not open: the key is another one, or the bytes were changed", DENIED) from None


def open_box(key, context, boxed, what):
    return open_aead(key, boxed[:24], context, boxed[24:], what)


class Cursor:
    """Reads bytes from front to back; `what` names them in errors."""

    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        if n < 0 or n > self.left():
            raise Bad(f"{self.what} ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def byte(self):
        return self.take(1)[0]

    def varint(self, most=(1 << 64) - 1):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > most or (byte == 0 and shift):
                    break
                return value
        raise Bad(f"{self.what} holds an impossible number")

    def zigzag(self):
        return unfold(self.varint())

    def count(self):
        return self.varint(self.left())

    def u64(self):
        return struct.unpack("<Q", self.take(8))[0]

    def finish(self):
        if self.left():
            raise Bad(f"{self.what} holds more than it should")


def unfold(n):
    return n >> 1 if n & 1 == 0 else -(n >> 1) - 1


def wrap(n):
    """A difference that wrapped around at 64 bits, as a signed number."""
    n &= (1 << 64) - 1
    return n - (1 << 64) if n >> 63 else n


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def zigzag(n):
    return varint(n << 1 if n >= 0 else ((-n - 1) << 1) | 1)


def prefixed(data):
    return varint(len(data)) + data


def unpack_frame(frame, prefix, length, what):
    """One zstd frame without its magic number."""
    if not frame or length > len(frame) * 32768:
        raise Bad(f"{what} claims to unpack to more than it can")
    dictionary = zstandard.ZstdCompressionDict(prefix, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if prefix else None
    decoder = zstandard.ZstdDecompressor(dict_data=dictionary, format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    try:
        plain = decoder.decompress(frame, max_output_size=max(length, 1))
    except zstandard.ZstdError as e:
        raise Bad(f"{what} does not unpack: {e}") from None
    if len(plain) != length:
        raise Bad(f"{what} unpacks to {len(plain)} of {length} bytes")
    return plain


# Keys


def hex_bytes(text, length):
    if not re.fullmatch(f"[0-9a-f]{{{2 * length}}}", text):
        raise Bad("the key file holds a field that is not what it should be")
    return bytes.fromhex(text)


def fingerprint(secret, site):
    return keyed(derive("annals 2026-11 site secret fingerprint v1", secret), site)[:8]


def read_key_file(path, passphrase):
    """Site id and site secret of a key file."""
    with open(path, "rb") as file:
        data = file.read(KEY_FILE_BYTES_MAX + 1)
    if len(data) > KEY_FILE_BYTES_MAX:
        raise Bad("the key file is too long")
    text = data.decode("ascii", "replace").replace("\r\n", "\n")
    if not text.endswith("\n"):
        text += "\n"
    lines = text.split("\n")[:-1]
    head = re.fullmatch("annals key file v([0-9]+)", lines[0])
    if not head:
        raise Bad("not a key file")
    if int(head[1]) > 1:
        raise Bad("the key file is newer than this reader", NEWER)
    above = "".join(line + "\n" for line in lines[:-1]).encode("ascii", "replace")
    if lines[-1] != "check " + digest(above)[:8].hex():
        raise Bad("the key file was changed or cut")
    fields = dict(line.split(" ", 1) for line in lines[1:3])
    site, print_ = hex_bytes(fields["site"], 16), hex_bytes(fields["fingerprint"], 8)
    secret = None
    kinds = []
    for line in lines[3:-1]:
        _, kind, *words = line.split(" ")
        kinds.append(kind)
        values = dict(word.split("=", 1) for word in words)
        if kind == "plain":
            secret = hex_bytes(values["secret"], 32)
        elif kind == "passphrase" and passphrase is not None:
            m, t, p = (int(values[name]) for name in "mtp")
            if not (8 * p <= m <= 1048576 and 1 <= t <= 16):
                raise Bad("the key file asks for more work than any writer does")
            if p != 1:
                raise Bad("the passphrase was stretched on several lanes, which libsodium cannot do", PARTLY)
            salt = hex_bytes(values["salt"], 16)
            wrapping = nacl.pwhash.argon2id.kdf(32, passphrase, salt, opslimit=t, memlimit=m * 1024)
            context = b"annals key slot v1 passphrase " + site + struct.pack("<III", m, t, p) + salt
            secret = open_box(wrapping, context, hex_bytes(values["box"], 72), "the key file")
    if secret is None:
        raise Bad(f"the key file needs a passphrase in ANNALS_PASSPHRASE, or has none (slots: {', '.join(kinds)})", DENIED)
    if fingerprint(secret, site) != print_:
        raise Bad("the key file holds another secret than it says")
    return site, secret


CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def read_attestation(path, secret):
    """The statement of an attestation of this site, as it was signed."""
    with open(path, encoding="utf-8") as file:
        text = file.read(ATTESTATION_BYTES_MAX)
    whole = json.loads(text)
    if whole["schema"] != "annals.attestation/1":
        raise Bad(f"{path}: {whole['schema']} is not known", NEWER)
    begin = re.search(r'"statement"\s*:\s*', text).end()
    _, end = json.JSONDecoder().raw_decode(text, begin)
    key = nacl.signing.SigningKey(derive("annals 2026-11 attestation signing key v1", secret)).verify_key
    if key.encode().hex() != whole["public_key"]:
        raise Bad(f"{path} was signed by another site", FOUND)
    try:
        key.verify(b"annals attestation v1\n" + text[begin:end].encode(), bytes.fromhex(whole["signature"]))
    except nacl.exceptions.BadSignatureError:
        raise Bad(f"{path}: the signature does not fit", FOUND) from None
    return text[begin:end]


def base32(letters):
    bits = 0
    for letter in letters:
        bits = bits << 5 | CROCKFORD.index(letter)
    return bits


def read_sheet(path):
    """Site id and site secret of a recovery sheet, wherever its six lines stand."""
    with open(path, "rb") as file:
        text = file.read(KEY_FILE_BYTES_MAX).decode("utf-8", "replace")
    words = [w.upper().replace("O", "0").replace("I", "1").replace("L", "1") for w in re.findall("[0-9A-Za-z]+", text)]
    lines = {}
    for start in range(len(words)):
        stretch = ""
        for word in words[start:]:
            stretch += word
            if len(stretch) >= 20:
                break
        if len(stretch) != 20 or any(letter not in CROCKFORD for letter in stretch):
            continue
        data = base32(stretch[:16]).to_bytes(10, "big")
        for number in range(1, 7):
            check = int.from_bytes(digest(b"annals sheet line v1" + bytes([number]) + data)[:3], "big") >> 4
            if check == base32(stretch[16:]):
                lines.setdefault(number, set()).add(data)
    absent = [n for n in range(1, 7) if n not in lines]
    if absent:
        raise Bad(f"the sheet lacks line {absent[0]}, or it has a misprint")
    if any(len(found) > 1 for found in lines.values()):
        raise Bad("two sheets in one text", USAGE)
    payload = b"".join(next(iter(lines[n])) for n in range(1, 7))
    if payload[49:] != digest(b"annals sheet v1" + payload[:49])[:11]:
        raise Bad("the lines of the sheet do not belong together")
    if payload[0] != 1:
        raise Bad("the sheet is newer than this reader", NEWER)
    return payload[1:17], payload[17:49]


def open_keyring(secret, data, what):
    """Site id, tenant id, tenant key and name."""
    if data[:4] != b"ANKR":
        raise Bad(f"{what} is not a keyring object")
    if data[4] > 1:
        raise Bad(f"{what} is newer than this reader", NEWER)
    if len(data) != 253:
        raise Bad(f"{what} has {len(data)} bytes instead of 253")
    entry = open_box(derive("annals 2026-11 keyring object v1", secret), data[:5], data[5:], what)
    r = Cursor(entry, what)
    site, tenant, key = r.take(16), r.take(16), r.take(32)
    r.zigzag()
    name = r.take(r.varint(128)).decode("utf-8")
    return site, tenant, key, name


class Subjects:
    """The keys and tombstones of subjects: what the subject key objects of a tenant's folder say together."""

    def __init__(self, folder, tenant, key):
        self.tenant_key, self.keys, self.tombstones, self.problems = key, {}, {}, []
        for text in sorted(os.listdir(folder)):
            if re.fullmatch(r"subjects-[0-9a-f]{16}\.keys", text):
                try:
                    self._read(os.path.join(folder, text), text, tenant)
                except Bad as e:
                    if e.code == NEWER:
                        raise
                    self.problems.append(str(e))
        for gone in self.tombstones:
            self.keys.pop(gone, None)

    def _read(self, path, text, tenant):
        with open(path, "rb") as file:
            data = file.read(SUBJECT_OBJECT_BYTES_MAX + 1)
        if len(data) > SUBJECT_OBJECT_BYTES_MAX or text != f"subjects-{digest(tenant + data)[:8].hex()}.keys":
            raise Bad(f"{text} has other bytes than its name says, or stands in another tenant's folder")
        if data[:4] != b"ANSK":
            raise Bad(f"{text} is not a subject key object")
        if data[4] > 1:
            raise Bad(f"{text} is newer than this reader", NEWER)
        plain = open_box(derive("annals 2026-11 subject key object v1", self.tenant_key), data[:5] + tenant, data[5:], text)
        r = Cursor(plain, text)
        for _ in range(r.varint(SUBJECTS_MAX)):
            kind = r.byte()
            if kind == 1:
                r.take(r.varint(KEY_BYTES_MAX))
                key = r.take(32)
                self.keys[derive("annals 2026-11 subject key id v1", key)[:8]] = key
            elif kind == 2:
                subject, gone = r.take(32), r.take(8)
                r.varint()
                r.zigzag()
                for _ in range(2):
                    r.take(r.varint(TEXT_BYTES_MAX)).decode("utf-8")
                self.tombstones[gone] = (subject, ascending(r))
            else:
                raise Bad(f"{text} holds an entry of unknown kind")
        if any(r.take(r.left())):
            raise Bad(f"{text} does not end in zeros")

    def names(self, subject, key):
        """Whether a document belongs to a subject that is known by its digest."""
        ends = [at for at, byte in enumerate(key) if byte == 0x2F] + [len(key)]
        purpose = derive("annals 2026-11 subject digest v1", self.tenant_key)
        return any(keyed(purpose, key[:end]) == subject for end in ends if end)


# Names and objects


NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{10})-([0-9a-f]{10})-([tp])([0-9a-f]{4})-([1-9][0-9]*)-([0-9a-f]{32})\.seg")


class Name:
    """What the name of a segment object says."""

    def __init__(self, match):
        self.text = match[0]
        self.timeline = bytes.fromhex(match[1])
        self.first, self.last = int(match[2], 16), int(match[3], 16)
        self.is_tail, self.number = match[4] == "t", int(match[5], 16)
        self.size, self.digest = int(match[6]), bytes.fromhex(match[7])

    @staticmethod
    def parse(text):
        match = NAME.fullmatch(text)
        name = Name(match) if match else None
        return name if name and 1 <= name.first <= name.last else None

    def part(self, number, size, half):
        stem = f"{self.timeline.hex()}-{self.first:010x}-{self.last:010x}"
        return Name.parse(f"{stem}-p{number:04x}-{size}-{half.hex()}.seg")


def read_object(folder, name):
    """A whole object, checked against its name."""
    path = os.path.join(folder, name.text)
    if name.size > SEGMENT_BYTES_MAX:
        raise Bad(f"{name.text} is larger than any writer makes")
    try:
        with open(path, "rb") as file:
            data = file.read(name.size + 1)
    except FileNotFoundError:
        raise Bad(f"{name.text} is not there") from None
    if len(data) != name.size:
        raise Bad(f"{name.text} has {'more' if len(data) > name.size else len(data)} of {name.size} bytes: a cut upload")
    if digest(data)[:16] != name.digest:
        raise Bad(f"{name.text} has other bytes than its name says")
    if data[:4] != b"anns":
        raise Bad(f"{name.text} does not begin like a segment")
    if data[4] > 1:
        raise Bad(f"{name.text} is newer than this reader", NEWER)
    return data


class Tail:
    """The opened tail of a slice, and the way to its frames."""

    def __init__(self, folder, name, tenant, key):
        self.folder, self.name = folder, name
        data = read_object(folder, name)
        if len(data) < 5 + 16 + 33:
            raise Bad(f"{name.text} is too short")
        trailer = Cursor(data[-33:], name.text)
        key_id, salt = trailer.take(4), trailer.take(24)
        box_len = struct.unpack("<I", trailer.take(4))[0]
        if trailer.byte() > 1:
            raise Bad(f"{name.text} is newer than this reader", NEWER)
        if key_id != derive("annals 2026-11 segment key id v1", key)[:4]:
            raise Bad(f"{name.text} was sealed with the key of another tenant", DENIED)
        if not 16 <= box_len <= len(data) - 5 - 33:
            raise Bad(f"{name.text} names an impossible tail")
        self.key, self.salt = keyed(derive("annals 2026-11 segment key v1", key), salt), salt
        self.context = b"anns\x01" + key_id + salt + tenant + name.timeline
        self.start = len(data) - 33 - box_len
        self.data = {name.text: data}
        self._parse(self._open((1 << 64) - 1, data[self.start : -33]))

    def _open(self, number, sealed):
        try:
            return open_aead(self.key, struct.pack("<Q", number) + bytes(16), self.context, sealed, self.name.text)
        except Bad:
            raise Bad(f"{self.name.text} was changed, or put in the place of another") from None

    def unbox(self, subject_key, number, sealed):
        """The frame of a block out of the box of its subject."""
        key = keyed(derive("annals 2026-11 subject box key v1", subject_key), self.salt)
        return open_aead(key, struct.pack("<Q", number) + bytes(16), self.context, sealed, f"block {number} of {self.name.text}")

    def _parse(self, plain):
        r = Cursor(plain, f"the tail of {self.name.text}")
        flags = r.byte()
        if flags & ~7:
            raise Bad(f"{self.name.text} has a tail with unknown flags")
        noise_len, columns_len = r.varint(), r.varint(TAIL_BYTES_MAX)
        packed_len = r.varint() if flags & 1 else None
        count = r.count() if flags & 4 else 0
        if count != self.name.number:
            raise Bad(f"{self.name.text} lists other parts than its name says")
        self.parts = [self.name.part(number, r.varint(), r.take(16)) for number in range(count)]
        self.noise = r.take(noise_len)
        if packed_len is None:
            self.columns = r.take(columns_len)
        else:
            self.columns = unpack_frame(r.take(packed_len), b"", columns_len, f"the columns of {self.name.text}")
        self.inside = r.take(r.left()) if flags & 2 else None
        self.prev, self.head = self.noise[:32], self.noise[32:64]

    def forget(self):
        """Lets go of the objects; they are read again where they are needed."""
        self.data.clear()

    def frames(self, blocks):
        """The frame of each block in turn; `blocks` are pairs of frame length and object number."""
        at, part = (0 if self.inside is not None else 5), 0
        for number, (length, object_number) in enumerate(blocks):
            if object_number != part:
                at, part = 5, object_number
            if self.inside is not None:
                if at + length > len(self.inside) or part:
                    raise Bad(f"{self.name.text} names a block that is not there")
                yield self.inside[at : at + length]
                at += length
                continue
            if part > len(self.parts):
                raise Bad(f"{self.name.text} names a part that it does not list")
            name = self.parts[part] if part < len(self.parts) else self.name
            if name.text not in self.data:
                self.data = {name.text: read_object(self.folder, name)}
            end = self.start if name.is_tail else name.size
            if at + length + 16 > end:
                raise Bad(f"{self.name.text} names a block that is not there")
            yield self._open(number, self.data[name.text][at : at + length + 16])
            at += length + 16


# Wire


class Meta:
    """What is kept beside a content."""

    def __init__(self, kind=0, media=b"", mode=None, mtime=None, valid_from=None, valid_until=None):
        self.kind, self.media, self.mode, self.mtime = kind, media, mode, mtime
        self.valid_from, self.valid_until = valid_from, valid_until

    def timed(self, mtime):
        return Meta(self.kind, self.media, self.mode, mtime, self.valid_from, self.valid_until)

    def encode(self):
        flags = self.kind
        out = b""
        if self.media:
            flags |= 4
            out += prefixed(self.media)
        if self.mode is not None:
            flags |= 8
            out += varint(self.mode)
        for bit, value in [(16, self.mtime), (32, self.valid_from), (64, self.valid_until)]:
            if value is not None:
                flags |= bit
                out += zigzag(value)
        return bytes([flags]) + out

    def show(self):
        out = {"kind": ["file", "link", "directory"][self.kind]}
        fields = {"mode": self.mode, "mtime_ns": self.mtime, "valid_from": self.valid_from, "valid_until": self.valid_until}
        out.update((name, value) for name, value in fields.items() if value is not None)
        if self.media:
            out["media"] = self.media.decode()
        return out


class Content:
    """A new content of a slice: how its bytes come about."""

    def __init__(self):
        self.base, self.size, self.form_len, self.runs, self.absent, self.box = None, 0, None, [], None, None

    def stretches(self):
        """Pairs of a data length, and the range of the base in whose place it stands (the end of the range may be open)."""
        if self.absent is not None:
            return []
        if not self.runs:
            return [(self.size if self.form_len is None else self.form_len, 0, None)]
        out, copied = [], 0
        for i, (is_copy, at, length) in enumerate(self.runs):
            if is_copy:
                copied = at + length
            else:
                after = self.runs[i + 1][1] if i + 1 < len(self.runs) else None
                out.append((length, copied, after))
        return out

    def data_len(self):
        return sum(length for length, _, _ in self.stretches())


class Texts:
    """The table of texts, and the columns that refer to it."""

    def __init__(self, r, absent):
        self.absent, self.table, self.used = absent, [], 0
        if not absent:
            lengths = [r.varint(TEXT_BYTES_MAX) for _ in range(r.count())]
            self.table = [r.take(n) for n in lengths]
            for text in self.table:
                text.decode("utf-8")

    def column(self, r, count):
        if self.absent:
            return [b""] * count
        out, text = [], b""
        for _ in range(count):
            code = r.varint()
            if code == 1:
                code = self.used + 2
                self.used += 1
            if code:
                if code - 2 >= len(self.table):
                    raise Bad(f"{r.what} names an unknown text")
                text = self.table[code - 2]
            out.append(text)
        return out


UNITS = [1_000_000_000, 1_000_000, 1_000, 100, 1]
PUT, REMOVE, REFER, MARK, OTHER = range(5)


def ascending(r):
    """Ascending numbers: how many, the first, then what lies between each and the one before."""
    out, after = [], 0
    for _ in range(r.count()):
        out.append(after + r.varint())
        after = out[-1] + 1
    return out


def rare_change(r):
    """A hold, its end, contents that are given up, an erasure, what becomes of the tenant, a mark at an earlier batch: what it says, and its bytes."""
    start, kind = r.at, r.byte()
    if kind == 9:
        state = r.byte()
        if state > 2:
            raise Bad(f"{r.what} hold a tenant that is neither in use nor dropped")
        said = ("tenant", ["back", "dropped", "gone"][state], r.zigzag() if state == 1 else None)
        return said, r.data[start : r.at]
    if kind == 8:
        said = ("erase", r.take(32) + r.take(8), ascending(r))
        return said, r.data[start : r.at]
    name = r.take(r.varint(TEXT_BYTES_MAX)).decode("utf-8")
    if kind == 5:
        prefix, flag = r.take(r.varint(KEY_BYTES_MAX)), r.byte()
        said = ("hold", name, prefix, r.zigzag() if flag else None)
    elif kind == 6:
        said = ("lift", name)
    elif kind == 7:
        said = ("forget", name, ascending(r))
    elif kind == 10:
        said = ("mark", name, r.varint())
    else:
        raise Bad(f"{r.what} hold a change of unknown kind")
    return said, r.data[start : r.at]


class Slice:
    """The decoded records of a slice; `log` is the state of the log before it."""

    def __init__(self, tail, log):
        what = f"the records of {tail.name.text}"
        r = self.r = Cursor(tail.columns, what)
        noise = Cursor(tail.noise, what)
        self.prev, self.head, self.timeline_rest = noise.take(32), noise.take(32), noise.take(8)
        flags = r.byte()
        further = r.byte() if flags & 128 else 0
        if further & ~7:
            raise Bad(f"{tail.name.text} is newer than this reader", NEWER)
        self.first_seq, self.documents_before, self.contents_before = r.varint(), r.varint(ORDINAL_MAX), r.varint(ORDINAL_MAX)
        self.parent = (noise.take(16), noise.u64(), noise.take(32)) if flags & 1 else None
        if (self.documents_before, self.contents_before) != (len(log.keys), len(log.digests)):
            raise Bad(f"{what} continue another log")
        batch_count = 1 if flags & 2 else r.count()
        key_count = 0 if flags & 4 else r.count()
        content_count = r.count()
        block_count = 1 if flags & 8 else r.count()
        absent = ascending(r) if further & 1 else []
        absent = {place: noise.take(32) for place in absent}
        places = [r.varint() for _ in range(content_count)] if further & 4 else []
        box_keys = [noise.take(8) for _ in range(max(places, default=0))]
        boxes = [(box_keys[place - 1], noise.take(32)) if place else None for place in places]
        self.texts = Texts(r, flags & 64)
        if (self.first_seq, self.first_seq + batch_count - 1) != (tail.name.first, tail.name.last):
            raise Bad(f"{tail.name.text} holds other batches than its name says")
        self._batches(flags, batch_count)
        self._changes(log, noise.take(noise.left()), 3 if further & 2 else 2)
        self._contents(content_count, log)
        for place, found in absent.items():
            if place >= content_count or self.contents[place].base is not None:
                raise Bad(f"{what} lack a content that they do not name")
            self.contents[place].absent = found
        for content, box in zip(self.contents, boxes):
            content.box = box
            if box is not None and content.absent is not None:
                raise Bad(f"{what} have a box of nothing")
        self._keys(key_count)
        self._blocks(flags, block_count)
        r.finish()

    def _batches(self, flags, count):
        r = self.r
        times, time = [], 0
        for _ in range(count):
            time = wrap(time + r.zigzag())
            times.append(time)
        clocks = [0 if flags & 16 else r.zigzag() for _ in range(count)]
        actors, reasons, origins, requests = (self.texts.column(r, count) for _ in range(4))
        causes = [0 if flags & 32 else r.byte() for _ in range(count)]
        targets = [self.first_seq + i - r.zigzag() if cause in (1, 2, 4) else 0 for i, cause in enumerate(causes)]
        self.counts = [r.varint(BATCH_CHANGES_MAX) for _ in range(count)]
        self.batches = list(zip(times, clocks, actors, reasons, origins, requests, causes, targets))

    def _changes(self, log, time_bits, kind_bits):
        r = self.r
        total = sum(self.counts)
        kinds = []
        while len(kinds) < total:
            run = r.varint()
            kinds += [run & (1 << kind_bits) - 1] * min((run >> kind_bits) + 1, total - len(kinds) + 1)
        if len(kinds) != total or max(kinds, default=0) > OTHER:
            raise Bad(f"{r.what} hold more changes than they count")
        puts = kinds.count(PUT)
        document_codes = [r.varint() for kind in kinds if kind not in (MARK, OTHER)]
        content_codes = [r.varint() for _ in range(puts)]
        meta_codes = [r.varint() for _ in range(puts)]
        table = self._metas(meta_codes)
        next_document, next_content = self.documents_before, self.contents_before
        before, last_meta, now = next_document, None, {}
        self.replaced, self.changes = [], []
        codes = zip(content_codes, meta_codes)
        documents = iter(document_codes)
        for kind in kinds:
            if kind in (MARK, OTHER):
                self.changes.append([kind])
                continue
            code = next(documents)
            document = next_document if code == 0 else wrap(before + unfold(code - 1))
            if not 0 <= document <= next_document:
                raise Bad(f"{r.what} name a document out of order")
            next_document += document == next_document
            before = document
            if kind != PUT:
                self.changes.append([kind, document])
                continue
            had, had_meta = now.get(document) or log.now.get(document) or (None, None)
            content_code, meta_code = next(codes)
            content = [next_content, had][content_code] if content_code < 2 else next_content - (content_code - 1)
            meta = [had_meta, last_meta][meta_code] if meta_code < 2 else table[meta_code - 2]
            if content is None or meta is None or not 0 <= content <= next_content:
                raise Bad(f"{r.what} name what is not there")
            if content == next_content:
                next_content += 1
                self.replaced.append(had)
            last_meta = meta
            now[document] = (content, meta)
            self.changes.append([PUT, document, content, meta])
        self._times(time_bits)
        self._references(kinds)
        names = iter(self.texts.column(r, kinds.count(MARK)))
        for change in self.changes:
            if change[0] == MARK:
                change.append(next(names))
        for change in self.changes:
            if change[0] == OTHER:
                change.append(rare_change(r))

    def _metas(self, codes):
        r = self.r
        count = max([code - 1 for code in codes] + [0])
        if count > len(codes):
            raise Bad(f"{r.what} name metadata that are not there")
        flags = [r.byte() for _ in range(count)]
        modes = [r.varint(0o7777) if f & 4 else None for f in flags]
        periods = [(r.zigzag() if f & 16 else None, r.zigzag() if f & 32 else None) for f in flags]
        media = self.texts.column(r, count)
        return [
            Meta(f & 3, text, mode, 0 if f & 8 else None, *period) for f, mode, period, text in zip(flags, modes, periods, media)
        ]

    def each(self):
        """Every change with the place of its batch."""
        place, left = 0, list(self.counts)
        for change in self.changes:
            while left[place] == 0:
                place += 1
            left[place] -= 1
            yield place, change

    def _times(self, bits):
        r = self.r
        timed = [(place, change) for place, change in self.each() if change[0] == PUT and change[3].mtime is not None]
        used, value, unit = 0, None, None
        if timed:
            code = r.byte()
            if code >= len(UNITS):
                raise Bad(f"{r.what} have an unknown unit of time")
            unit = UNITS[code]
        for place, change in timed:
            bit_length = r.byte()
            if bit_length > 64:
                raise Bad(f"{r.what} have an impossible time")
            folded = 1 << (bit_length - 1) if bit_length else 0
            for bit in range(bit_length - 1):
                if used >= 8 * len(bits):
                    raise Bad(f"{r.what} end too early")
                folded |= (bits[used >> 3] >> (used & 7) & 1) << bit
                used += 1
            if value is None:
                value = self.batches[place][0] * 1000 // unit
            value = wrap(value + unfold(folded))
            change[3] = change[3].timed(value * unit)
        if (used + 7) // 8 != len(bits):
            raise Bad(f"{r.what} hold more times than they should")

    def _references(self, kinds):
        r = self.r
        count = kinds.count(REFER)
        systems, ids, states = (self.texts.column(r, count) for _ in range(3))
        flags = [r.byte() for _ in range(count)]
        parts = zip(systems, ids, states, flags)
        for place, change in self.each():
            if change[0] == REFER:
                system, id_, state, flag = next(parts)
                expires = wrap(self.batches[place][0] + r.zigzag()) if flag & 2 else None
                change += [system, id_, state, flag & 1, expires]

    def _contents(self, count, log):
        r = self.r
        if count != len(self.replaced):
            raise Bad(f"{r.what} hold contents that no change names")
        self.contents = [Content() for _ in range(count)]
        for i, content in enumerate(self.contents):
            code = r.varint()
            content.base = [None, self.replaced[i]][code] if code < 2 else self.contents_before + i - (code - 1)
            if code and (content.base is None or not 0 <= content.base < self.contents_before + i):
                raise Bad(f"{r.what} name an unknown base")
        shapes = [r.varint() for _ in range(count)]
        for content in self.contents:
            content.size = r.varint() if content.base is None else wrap(self.size(content.base, log) + r.zigzag())
        for content, shape in zip(self.contents, shapes):
            if shape == 1:
                content.form_len = wrap(content.size + r.zigzag())
        for content, shape in zip(self.contents, shapes):
            if shape > 1:
                if shape - 1 > r.left():
                    raise Bad(f"{r.what} hold more runs than bytes")
                codes = [r.varint() for _ in range(shape - 1)]
                content.runs = [(code & 1, None, code >> 1) for code in codes]
        for content in self.contents:
            end = 0
            for i, (is_copy, _, length) in enumerate(content.runs):
                if is_copy:
                    at = wrap(end + r.zigzag())
                    content.runs[i] = (1, at, length)
                    end = at + length
                    if at < 0 or content.base is None or end > self.size(content.base, log):
                        raise Bad(f"{r.what} copy from outside of a base")
            if content.runs and sum(length for _, _, length in content.runs) != content.size:
                raise Bad(f"{r.what} hold runs that do not add up")

    def size(self, content, log):
        own = content - self.contents_before
        return log.sizes[content] if own < 0 else self.contents[own].size

    def _keys(self, count):
        r = self.r
        shared = [r.varint(KEY_BYTES_MAX) for _ in range(count)]
        self.keys, key = [], b""
        for n in shared:
            if n > len(key):
                raise Bad(f"{r.what} hold an impossible key")
            key = key[:n] + r.take(r.varint(KEY_BYTES_MAX))
            if not 1 <= len(key) <= KEY_BYTES_MAX or 0 in key:
                raise Bad(f"{r.what} hold an impossible key")
            self.keys.append(key)

    def _blocks(self, flags, count):
        r = self.r
        self.block_lens = [r.varint() for _ in range(count - 1)]
        if count:
            self.block_lens.append(sum(c.data_len() for c in self.contents) - sum(self.block_lens))
        if any(not 1 <= n <= BLOCK_PLAIN_BYTES_MAX for n in self.block_lens):
            raise Bad(f"{r.what} hold blocks that do not add up")
        frames = [r.varint() for _ in range(count)]
        part, self.frames = 0, []
        for length in frames:
            part += 0 if flags & 8 else r.varint()
            self.frames.append((length, part))


# Containers


def u16(data, at):
    return struct.unpack_from("<H", data, at)[0]


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


class TooLarge(Exception):
    """A limit of containers was reached."""


class Finder:
    """The deflate streams of a container: (pieces, plain, header length) each, and the directory of a zip."""

    def __init__(self, data):
        self.data, self.streams, self.directory = data, [], None
        self.left = min(INFLATE_BYTES_MAX, len(data) * INFLATE_RATIO_MAX)
        try:
            if len(data) > CONTAINER_BYTES_MAX:
                return
            for magic, find in [(b"PK\3\4", self.zip), (b"%PDF", self.pdf), (b"\x89PNG\r\n\x1a\n", self.png), (b"\x1f\x8b\x08", self.gzip)]:
                if data.startswith(magic):
                    find()
        except (TooLarge, struct.error):
            self.streams = []
        if not self.streams:
            self.directory = None

    def inflate(self, data):
        """Plain bytes and length of the stream that `data` begin with; None where there is no whole one."""
        decoder = zlib.decompressobj(-15)
        try:
            plain = decoder.decompress(data, self.left + 1)
            if len(plain) > self.left:
                raise TooLarge
            if not decoder.eof:
                self.left -= len(plain)
                return None
        except zlib.error:
            self.left -= self.broken(data)
            if self.left < 0:
                raise TooLarge from None
            return None
        self.left -= len(plain)
        return plain, len(data) - len(decoder.unused_data)

    @staticmethod
    def broken(data):
        """How many bytes a stream yields before it breaks."""
        decoder, total = zlib.decompressobj(-15), 0
        try:
            for at in range(len(data)):
                total += len(decoder.decompress(data[at : at + 1]))
        except zlib.error:
            pass
        return total

    def zip(self):
        data = self.data
        lowest = max(0, len(data) - 65557)
        end = next(
            at
            for at in range(len(data) - 22, lowest - 1, -1)
            if data[at : at + 4] == b"PK\5\6" and at + 22 + u16(data, at + 20) <= len(data)
        )
        count, size, offset, after = u16(data, end + 10), u32(data, end + 12), u32(data, end + 16), end
        if end >= 20 and data[end - 20 : end - 16] == b"PK\6\7":
            after = end - 20 - 56
            if after < 0 or data[after : after + 4] != b"PK\6\6":
                return
            count, size, offset = u64(data, after + 32), u64(data, after + 40), u64(data, after + 48)
        directory = after - size
        shift = directory - offset
        if directory < 0 or shift < 0:
            return
        entries, at, seen = [], directory, 0
        while seen < count and at < after and data[at : at + 4] == b"PK\1\2":
            following = central_end(data, at)
            if following is None or following > after:
                break
            entry = self.zip_entry(at, shift, directory)
            if entry:
                entries.append(entry)
            at = following
            seen += 1
        self.directory = (directory, seen) if shift == 0 else None
        free = 0
        for start, header, stop in sorted(entries):
            if start - header < free:
                continue
            free = stop
            found = self.inflate(data[start:stop])
            if found and found[1] == stop - start:
                self.streams.append(([(start, stop)], found[0], header))

    def zip_entry(self, at, shift, directory):
        data = self.data
        if u16(data, at + 8) & 0x2041 or u16(data, at + 10) != 8:
            return None
        size, offset = u32(data, at + 20), u32(data, at + 42)
        extra = data[at + 46 + u16(data, at + 28) :][: u16(data, at + 30)]
        while len(extra) >= 4:
            if u16(extra, 0) == 1:
                field = 4 + (8 if u32(data, at + 24) == 0xFFFFFFFF else 0)
                try:
                    if size == 0xFFFFFFFF:
                        size = u64(extra, field)
                        field += 8
                    if offset == 0xFFFFFFFF:
                        offset = u64(extra, field)
                except struct.error:
                    return None
                break
            extra = extra[4 + u16(extra, 2) :]
        local = offset + shift
        header = local_len(data, local)
        if local >= directory or header is None or local + header + size > directory:
            return None
        return local + header, header, local + header + size

    def pdf(self):
        data, start = self.data, 0
        while (word := data.find(b"stream", start)) >= 0:
            start = word + 6
            line = 2 if data[start : start + 2] == b"\r\n" else 1 if data[start : start + 1] == b"\n" else 0
            if not line or data[:word].endswith(b"end"):
                continue
            begin = start + line
            stop = data.find(b"endstream", begin)
            if stop < 0:
                break
            start = stop + 9
            if zlib_header(data[begin:stop]):
                found = self.inflate(data[begin + 2 : stop])
                if found:
                    self.streams.append(([(begin + 2, begin + 2 + found[1])], found[0], 0))
            elif text := armoured(data[begin:stop]):
                whole, taken = text
                found = self.inflate(whole[2:]) if zlib_header(whole) else None
                if found and whole[2 + found[1] :] == zlib.adler32(found[0]).to_bytes(4, "big"):
                    self.streams.append(([(begin, begin + taken)], found[0], 0))

    def png(self):
        data, at, run = self.data, 8, []
        while at + 8 <= len(data):
            length = struct.unpack_from(">I", data, at)[0]
            is_data = data[at + 4 : at + 8] == b"IDAT"
            if at + 8 + length > len(data) or (run and not is_data):
                break
            if is_data:
                run.append((at + 8, at + 8 + length))
            at += 12 + length
        whole = b"".join(data[a:b] for a, b in run)
        if not zlib_header(whole):
            return
        found = self.inflate(whole[2:])
        if not found:
            return
        skip, left, pieces = 2, found[1], []
        for a, b in run:
            start = a + min(b - a, skip)
            skip -= start - a
            stop = start + min(b - start, left)
            left -= stop - start
            if stop > start:
                pieces.append((start, stop))
        self.streams.append((pieces, found[0], 0))

    def gzip(self):
        data, at = self.data, 0
        while data[at : at + 3] == b"\x1f\x8b\x08" and at + 10 <= len(data):
            flags, end = data[at + 3], at + 10
            if flags & 4:
                end += 2 + u16(data, end)
            for text in (8, 16):
                if flags & text:
                    end = data.find(b"\0", end) + 1
                    if end == 0:
                        return
            if flags & 2:
                end += 2
            found = self.inflate(data[end:]) if end < len(data) else None
            if not found:
                return
            self.streams.append(([(end, end + found[1])], found[0], 0))
            at = end + found[1] + 8


def zlib_header(data):
    return len(data) >= 2 and data[0] & 15 == 8 and data[0] >> 4 <= 7 and not data[1] & 0x20 and (data[0] << 8 | data[1]) % 31 == 0


def central_end(data, at):
    if data[at : at + 4] != b"PK\1\2" or at + 46 > len(data):
        return None
    end = at + 46 + u16(data, at + 28) + u16(data, at + 30) + u16(data, at + 32)
    return end if end <= len(data) else None


def local_len(data, at):
    if data[at : at + 4] != b"PK\3\4" or at + 30 > len(data):
        return None
    return 30 + u16(data, at + 26) + u16(data, at + 28)


def swap(data, at, value):
    if at + 4 <= len(data):
        struct.pack_into("<I", data, at, u32(data, at) ^ (value & 0xFFFFFFFF))


def swap_all(data, at, values):
    for i, value in enumerate(values):
        swap(data, at + 4 * i, value)


def zip_entries(streams):
    """Header, start and end of each zip stream, with its three fields."""
    out = []
    for pieces, plain, header in streams:
        if header:
            start, end = pieces[0][0], pieces[-1][1]
            out.append((start - header, start, end, (zlib.crc32(plain), end - start, len(plain))))
    return out


def swap_locals(data, entries):
    for i, (header, start, end, fields) in enumerate(entries):
        if local_len(data, header) != start - header:
            continue
        if not u16(data, header + 6) & 8:
            swap_all(data, header + 14, fields)
            continue
        limit = entries[i + 1][0] if i + 1 < len(entries) else len(data)
        if limit - end >= 16 and data[end : end + 4] == b"PK\7\x08":
            swap_all(data, end + 4, fields)


def walk_directory(data, entries, directory, folding):
    start, count = directory
    known = {entry[0]: entry[3] for entry in entries}
    at, expected = start, 0
    for _ in range(count):
        following = central_end(data, at)
        if following is None:
            raise Bad("the form of a container has no directory")
        stored = u32(data, at + 42)
        swap(data, at + 42, expected)
        header = stored if folding else u32(data, at + 42)
        local = local_len(data, header)
        local = local if local is not None and header + local <= start else None
        streamed = header + 8 <= len(data) and u16(data, header + 6) & 8
        if header in known:
            fields = known[header]
        elif local is not None and not streamed:
            fields = [u32(data, header + field) for field in (14, 18, 22)]
        else:
            fields = (0, 0, 0)
        stored = u32(data, at + 20)
        swap_all(data, at + 16, fields)
        size = stored if folding else u32(data, at + 20)
        expected = header + (local or 30) + size + (16 if streamed else 0)
        at = following
    if data[at : at + 4] == b"PK\5\6" and len(data) - at >= 22:
        swap(data, at + 12, at - start)
        swap(data, at + 16, start)


def armoured(text):
    """The bytes that an ASCII85 text stands for and its length with its end; None where it is none."""
    out, group = bytearray(), []
    for at, character in enumerate(text):
        if 33 <= character <= 117:
            group.append(character - 33)
            if len(group) == 5:
                number = functools.reduce(lambda n, digit: n * 85 + digit, group, 0)
                if number >= 1 << 32:
                    return None
                out += number.to_bytes(4, "big")
                group = []
        elif character == 122 and not group:
            out += bytes(4)
        elif character in (0, 9, 10, 12, 13, 32):
            continue
        elif text[at : at + 2] == b"~>" and len(group) != 1:
            if group:
                number = functools.reduce(lambda n, digit: n * 85 + digit, group + [84] * (5 - len(group)), 0)
                if number >= 1 << 32:
                    return None
                out += number.to_bytes(4, "big")[: len(group) - 1]
            return bytes(out), at + 2
        else:
            return None
    return None


def as_text(data, width):
    """ASCII85 with its end, a line feed after every `width` characters if that is not 0."""
    text = bytearray()
    for at in range(0, len(data), 4):
        group = data[at : at + 4]
        number = int.from_bytes(group.ljust(4, b"\0"), "big")
        if number == 0 and len(group) == 4:
            text += b"z"
        else:
            text += bytes(33 + number // 85**power % 85 for power in (4, 3, 2, 1, 0))[: len(group) + 1]
    lines = [text[at : at + width] for at in range(0, len(text), width)] if width else [text]
    return b"\n".join(lines) + b"~>"


def inflated_streams(base):
    """What follows a base where a container is packed against it."""
    found = Finder(base)
    if not found.streams:
        return b""
    folded = bytearray(base)
    entries = zip_entries(found.streams)
    if found.directory:
        walk_directory(folded, entries, found.directory, True)
    swap_locals(folded, entries)
    out = []
    for pieces, plain, header in found.streams:
        out += [bytes(folded[pieces[0][0] - header : pieces[0][0]]), plain]
    if found.directory:
        out.append(bytes(folded[found.directory[0] :]))
    return b"".join(out)


def repack(form, met):
    """The container that a form was made of; `met` counts the methods of its streams."""
    what = "the form of a container"
    r = Cursor(form, what)
    if r.byte() != 1:
        raise Bad(f"{what} has an unknown version")
    length, control_len, corrections_len = r.varint(CONTAINER_BYTES_MAX), r.count(), r.count()
    if corrections_len:
        check = r.take(8)
        if digest(form[r.at :])[:8] != check:
            raise Bad(f"{what} was changed")
    control = Cursor(r.take(control_len), what)
    r.take(corrections_len)
    out = bytearray()
    entries = []
    from_end = control.varint(length)
    directory = (length - from_end, control.varint(length)) if from_end else None
    for _ in range(control.varint(65535)):
        raw_len, plain_len, header = control.varint(), control.varint(), control.varint()
        cuts = [(control.varint(), control.varint()) for _ in range(control.count())]
        out += r.take(raw_len)
        plain = r.take(plain_len)
        method = control.byte()
        armour = None
        if method == 4:
            armour = (control.byte(), control.take(2))
            method = control.byte()
            met["streams written as text"] += 1
        met[f"streams of method {method}"] += 1
        if method == 1:
            level, window = control.byte(), control.byte()
            if not (1 <= level <= 9 and 9 <= window <= 15):
                raise Bad(f"{what} names an impossible setting of zlib")
            encoder = zlib.compressobj(level, zlib.DEFLATED, -window, 8, zlib.Z_DEFAULT_STRATEGY)
            stream = encoder.compress(plain) + encoder.flush()
        elif method == 3:
            rules = control.byte()
            segments = [(control.varint(), control.varint()) for _ in range(control.varint(64))]
            stream = office_stream(plain, rules, segments)
            if stream is None:
                raise Bad(f"{what} names impossible rules")
        elif method == 2:
            raise Unsupported("a deflate stream that only preflate-rs can write again (container method 2)")
        else:
            raise Bad(f"{what} names an unknown method")
        if armour:
            stream = as_text(armour[1] + stream + zlib.adler32(plain).to_bytes(4, "big"), armour[0])
        start = len(out)
        at = 0
        for piece, gap in cuts:
            out += stream[at : at + piece]
            out += r.take(gap)
            at += piece
        out += stream[at:]
        if len(out) > length:
            raise Bad(f"{what} is longer than it says")
        if header:
            entries.append((start - header, start, len(out), (zlib.crc32(plain), len(out) - start, len(plain))))
    out += r.take(r.left())
    control.finish()
    if len(out) != length:
        raise Bad(f"{what} has another length than it says")
    swap_locals(out, entries)
    if directory:
        walk_directory(out, entries, directory, False)
    return bytes(out)


# The log


class Version:
    """One recorded state of a document."""

    def __init__(self, number, content, meta, seq, time):
        self.number, self.content, self.meta = number, content, meta
        self.seq, self.time, self.until, self.removed = seq, time, None, False


class Log:
    """One tenant's log as far as it was read. Contents wait in a temporary file."""

    def __init__(self, tenant, name, subjects):
        self.tenant, self.name, self.subjects = tenant, name, subjects
        self.keys, self.now, self.digests, self.sizes, self.places = [], {}, [], [], []
        self.versions, self.references, self.marks, self.batches = {}, {}, {}, []
        self.timeline, self.seq, self.head = bytes(16), 0, ZEROS
        self.holds, self.absent, self.dropped = {}, set(), None
        self.problems, self.unread, self.met = [], {}, collections.Counter()
        self.spool = tempfile.TemporaryFile()

    def content(self, ordinal):
        if ordinal in self.unread:
            raise Unsupported(self.unread[ordinal])
        self.spool.seek(self.places[ordinal])
        return self.spool.read(self.sizes[ordinal])

    def keep(self, data):
        self.spool.seek(0, os.SEEK_END)
        self.places.append(self.spool.tell())
        self.spool.write(data)
        self.digests.append(digest(data))
        self.sizes.append(len(data))

    def keep_absent(self, size, found):
        """A content that a segment comes without: it was given up."""
        self.absent.add(len(self.digests))
        self.keep_none(size, "its bytes were forgotten")
        self.digests[-1] = found

    def keep_closed(self, size, box):
        """A content in a box that nobody can open: its subject was erased, or its key is lost."""
        if box[0] in self.subjects.tombstones:
            self.keep_absent(size, box[1])
            return
        self.keep_none(size, "the key of its subject is in no key object")
        self.digests[-1] = box[1]
        self.problems.append(f"{self.name}: the key of a subject is in no key object: {box[0].hex()}")

    def keep_none(self, size, why):
        self.unread[len(self.digests)] = why
        self.places.append(0)
        self.digests.append(None)
        self.sizes.append(size)

    def add(self, tail):
        """Adds the next slice."""
        slice_ = Slice(tail, self)
        closed = lambda content: content.box is not None and content.box[0] not in self.subjects.keys
        if any(content.base in self.absent and not closed(content) for content in slice_.contents):
            raise Leans(f"{tail.name.text} is packed against what was forgotten since")
        self.met["slices"] += 1
        self.met["part objects"] += len(tail.parts)
        self.met["slices with boxes"] += tail.inside is None
        data = Blocks(self, slice_, tail)
        for content in slice_.contents:
            self.take(content, data)
        if not data.is_empty():
            raise Bad(f"{tail.name.text} holds more data than contents")
        self.keys += slice_.keys
        self.replay(slice_)
        self.timeline = tail.name.timeline + slice_.timeline_rest

    def take(self, content, data):
        """Puts one content together from its base and its data."""
        if content.absent is not None:
            self.met["contents without bytes"] += 1
            self.keep_absent(content.size, content.absent)
            return
        if content.box is not None:
            self.met["contents in boxes"] += 1
            if content.box[0] not in self.subjects.keys:
                self.met["contents in closed boxes"] += 1
                self.keep_closed(content.size, content.box)
                data.catch_up(len(self.digests) - 1)
                return
        self.met["contents with a base"] += content.base is not None
        try:
            if content.form_len is not None:
                made = repack(data.read(content.form_len), self.met)
            elif content.runs:
                self.met["spliced contents"] += 1
                out, base = [], None
                for is_copy, at, length in content.runs:
                    if is_copy:
                        base = self.content(content.base) if base is None else base
                        out.append(base[at : at + length])
                    else:
                        out.append(data.read(length))
                made = b"".join(out)
            else:
                made = data.read(content.size)
        except Unsupported as e:
            self.keep_none(content.size, str(e))
            data.catch_up(len(self.digests) - 1)
            return
        if len(made) != content.size:
            raise Bad("a content has another size than its record says")
        if content.box is not None and content.box[1] != digest(made):
            raise Bad("a content has other bytes than its digest says")
        self.keep(made)

    def bury(self):
        """Drops contents in no box whose subject was erased, where the log read so far does not say it."""
        for subject, contents in self.subjects.tombstones.values():
            wanted = {n for n in contents if n < len(self.digests) and n not in self.absent}
            for document, versions in self.versions.items():
                mine = {v.content for v in versions} & wanted
                if mine and self.subjects.names(subject, self.keys[document]):
                    for content in mine:
                        self.unread[content] = "it was erased"
                        self.absent.add(content)

    def replay(self, slice_):
        """Recomputes the records and their chain of digests; then moves the state of the log."""
        per_batch = [[] for _ in slice_.batches]
        for place, change in slice_.each():
            per_batch[place].append(change)
        prev, proven = slice_.prev, True
        rows = []
        for i, (head, changes) in enumerate(zip(slice_.batches, per_batch)):
            time, clock, actor, reason, origin, request, cause, target = head
            record = [b"\x01", varint(slice_.first_seq + i), zigzag(time), zigzag(clock)]
            record += [prefixed(text) for text in (actor, reason, origin, request)]
            record += [bytes([cause]), varint(target), varint(len(changes))]
            for change in changes:
                if change[0] == PUT and self.digests[change[2]] is None:
                    proven = False
                    break
                record.append(self.encode(change))
            prev = digest(prev + b"".join(record)) if proven else None
            rows.append((slice_.first_seq + i, prev, head, changes))
        if proven and prev != slice_.head:
            raise Bad(f"batches {slice_.first_seq} to {rows[-1][0]} do not add up to their digest")
        if not proven:
            self.problems.append(f"{self.name}: batches {slice_.first_seq} to {rows[-1][0]} cannot be proven: a content of theirs is unsupported")
        for seq, chain, head, changes in rows:
            self.batches.append((seq, chain, head))
            for change in changes:
                self.apply(seq, head[0], change)
        self.seq, self.head = rows[-1][0], slice_.head

    def encode(self, change):
        kind = change[0]
        if kind == MARK:
            return b"\x04" + prefixed(change[1])
        if kind == OTHER:
            return change[1][1]
        key = prefixed(self.keys[change[1]])
        if kind == PUT:
            return b"\x01" + key + self.digests[change[2]] + varint(self.sizes[change[2]]) + change[3].encode()
        if kind == REMOVE:
            return b"\x02" + key
        _, _, system, id_, state, irrevocable, expires = change
        flags = irrevocable | (2 if expires is not None else 0)
        out = b"\x03" + key + prefixed(system) + prefixed(id_) + prefixed(state) + bytes([flags])
        return out + (zigzag(expires) if expires is not None else b"")

    def apply(self, seq, time, change):
        kind = change[0]
        if kind == MARK:
            self.marks[change[1].decode()] = seq - 1
        elif kind == OTHER:
            said = change[1][0]
            if said[0] == "hold":
                self.holds[said[1]] = (said[2], said[3])
            elif said[0] == "lift":
                self.holds.pop(said[1], None)
            elif said[0] == "tenant":
                self.dropped = [said[1], said[2] or (self.dropped or [None, None])[1]] if said[1] != "back" else None
            elif said[0] == "mark":
                if said[2] >= seq:
                    raise Bad("a record marks a batch that is yet to come")
                self.marks[said[1]] = said[2]
            else:
                for content in said[2]:
                    if content >= len(self.digests):
                        raise Bad("a record gives up what is not there")
                    self.unread[content] = "it was erased" if said[0] == "erase" else "its bytes were forgotten"
                    self.absent.add(content)
        elif kind == REFER:
            _, document, system, id_, state, irrevocable, expires = change
            self.references[(self.keys[document], system.decode(), id_.decode())] = (state.decode(), bool(irrevocable), expires)
        else:
            document = change[1]
            versions = self.versions.setdefault(document, [])
            if versions and versions[-1].until is None:
                versions[-1].until = time
                versions[-1].removed = kind == REMOVE
            if kind == PUT:
                versions.append(Version(len(versions) + 1, change[2], change[3], seq, time))
                self.now[document] = (change[2], change[3].timed(0 if change[3].mtime is not None else None))


class Blocks:
    """The data of a slice as one stream. A block is unpacked when its first byte is wanted: its bases are there by then."""

    def __init__(self, log, slice_, tail):
        self.log, self.slice, self.what = log, slice_, tail.name.text
        self.tail, self.frames = tail, tail.frames(slice_.frames)
        self.number, self.plain, self.at, self.done = 0, b"", 0, 0
        self.ends, end = [], 0
        for content in slice_.contents:
            end += content.data_len()
            self.ends.append(end)
        self.prefixes = self.layout()

    def layout(self):
        """The pieces of the prefix of each block: (content, from, to, with streams)."""
        slice_ = self.slice
        starts = [sum(slice_.block_lens[:i]) for i in range(len(slice_.block_lens))]
        blocks = [[] for _ in starts]
        self.boxes = [[] for _ in starts]
        at, block = 0, 0
        for content in slice_.contents:
            for length, gap_from, gap_to in content.stretches():
                while length:
                    if block == len(starts):
                        raise Bad(f"{self.what} has blocks that do not add up")
                    part = min(length, starts[block] + slice_.block_lens[block] - at)
                    key = None if content.box is None else content.box[0]
                    if self.boxes[block] and self.boxes[block] != [key]:
                        raise Bad(f"{self.what} has a block of several subjects")
                    self.boxes[block] = [key]
                    base = content.base
                    own = None if base is None else base - slice_.contents_before
                    if base is not None and (own < 0 or self.ends[own] <= starts[block]):
                        to = slice_.size(base, self.log) if gap_to is None else gap_to
                        piece = (base, gap_from, to, content.form_len is not None)
                        if gap_from < to and piece not in blocks[block]:
                            blocks[block].append(piece)
                    at += part
                    length -= part
                    if at == starts[block] + slice_.block_lens[block]:
                        block += 1
        return blocks

    def prefix(self, pieces):
        out, length = [], 0
        for content, start, end, with_streams in pieces:
            if length >= PREFIX_BYTES_MAX:
                break
            base = self.log.content(content)
            out.append(base[start:end])
            length += end - start
            if with_streams and length < PREFIX_BYTES_MAX:
                out.append(inflated_streams(base))
                length += len(out[-1])
        return b"".join(out)[:PREFIX_BYTES_MAX]

    def load(self):
        number, self.number = self.number, self.number + 1
        frame = next(self.frames, None)
        if frame is None:
            raise Bad(f"{self.what} has too few blocks")
        self.done += len(self.plain)
        self.plain, self.at = b"", 0
        length = self.slice.block_lens[number]
        key = self.boxes[number][0]
        if key is not None and key not in self.log.subjects.keys:
            self.plain = Unread(length, "in a box that cannot be opened")
            return
        if key is not None:
            frame = self.tail.unbox(self.log.subjects.keys[key], number, frame)
        try:
            prefix = self.prefix(self.prefixes[number])
        except Unsupported as e:
            self.plain = Unread(length, f"packed against a document that cannot be read: {e}")
            return
        self.plain = unpack_frame(frame, prefix, length, f"block {number} of {self.what}")

    def read(self, length):
        out = []
        while length:
            if self.at == len(self.plain):
                self.load()
            if isinstance(self.plain, Unread):
                raise Unsupported(self.plain.why)
            part = min(length, len(self.plain) - self.at)
            out.append(self.plain[self.at : self.at + part])
            self.at += part
            length -= part
        return b"".join(out)

    def catch_up(self, ordinal):
        """Goes on behind the data of a content that could not be read."""
        end = self.ends[ordinal - self.slice.contents_before]
        while self.done + len(self.plain) < end:
            self.load()
        self.at = end - self.done

    def is_empty(self):
        return self.number == len(self.slice.block_lens) and self.at == len(self.plain)


class Leans(Bad):
    """A sealing that is packed against bytes which are not there any more; another one of the same batches is not."""


class Unread:
    """A block that could not be unpacked, with its length."""

    def __init__(self, length, why):
        self.length, self.why = length, why

    def __len__(self):
        return self.length


def choose(tails, timeline, notes):
    """The chain of slices that makes the log, from its start on."""
    following = {}
    for tail in tails:
        following.setdefault((tail.name.first, tail.prev), []).append(tail)
    came_from, reached, queue = {}, [], [(1, ZEROS)]
    for place in queue:
        for tail in following.get(place, []):
            after = (tail.name.last + 1, tail.head)
            reached.append(tail)
            if after not in came_from or came_from[after].name.last - came_from[after].name.first < tail.name.last - tail.name.first:
                came_from[after] = tail
            if after not in queue:
                queue.append(after)
    ends = [t for t in reached if (t.name.last + 1, t.head) not in following]
    furthest = {}
    for tail in ends:
        if tail.name.timeline not in furthest or furthest[tail.name.timeline].name.last < tail.name.last:
            furthest[tail.name.timeline] = tail
    if timeline is not None:
        mine = [t for t in reached if t.name.timeline.hex() == timeline]
        if not mine:
            raise Bad(f"no slices of timeline {timeline}", MISSING)
        end = max(mine, key=lambda t: t.name.last)
    elif len(furthest) > 1:
        raise Bad(f"there are several lines of history: {', '.join(sorted(t.hex() for t in furthest))}; choose with --timeline", USAGE)
    else:
        end = next(iter(furthest.values()), None)
    chain = []
    while end is not None:
        chain.append(end)
        end = came_from.get((end.name.first, end.prev))
    beyond = [t for t in tails if t not in reached]
    if beyond:
        notes.append(f"slices up to batch {max(t.name.last for t in beyond)} are there, but what comes before them is missing")
    return chain[::-1]


def read_tenant(folder, tenant, name, key, timeline):
    """A tenant's log, with everything that is wrong noted in it."""
    subjects = Subjects(folder, tenant, key)
    log = Log(tenant, name, subjects)
    log.problems += [f"{name}: {problem}" for problem in subjects.problems]
    tails, last = [], 0
    for text in sorted(os.listdir(folder)):
        parsed = Name.parse(text)
        if parsed is None or not parsed.is_tail:
            continue
        last = max(last, parsed.last)
        try:
            tails.append(Tail(folder, parsed, tenant, key))
            tails[-1].forget()
        except Bad as e:
            if e.code == NEWER:
                raise
            log.problems.append(f"{name}: {e}")
    notes = []
    for tail in choose(tails, timeline, notes):
        same = lambda t: (t.name.first, t.name.last, t.prev, t.head) == (tail.name.first, tail.name.last, tail.prev, tail.head)
        try:
            # Of several sealings of the same batches any will do that leans on nothing which was forgotten.
            for sealing in [tail] + [t for t in tails if t is not tail and same(t)]:
                try:
                    log.add(sealing)
                    sealing.forget()
                    break
                except Leans as e:
                    leans = e
            else:
                raise leans
        except Bad as e:
            log.problems.append(f"{name}: {e}")
            break
    log.bury()
    log.problems += [f"{name}: {note}" for note in notes]
    if timeline is None and log.seq < last:
        log.problems.append(f"{name}: batches {log.seq + 1} to {last} could not be read")
    return log


def read_remote(remote, site, secret, wanted, timeline):
    logs, problems, denied = [], [], None
    for folder in sorted(os.listdir(remote)):
        path = os.path.join(remote, folder)
        if not re.fullmatch("[0-9a-f]{32}", folder) or not os.path.isdir(path):
            continue
        tenant, whole = bytes.fromhex(folder), False
        for text in sorted(os.listdir(path)):
            if not re.fullmatch(r"key-[0-9a-f]{16}\.key", text):
                continue
            with open(os.path.join(path, text), "rb") as file:
                data = file.read(254)
            if text != f"key-{digest(tenant + data)[:8].hex()}.key":
                problems.append(f"{folder}/{text} has other bytes than its name says, or stands in another tenant's folder")
                continue
            whole = True
            try:
                found = open_keyring(secret, data, f"{folder}/{text}")
            except Bad as e:
                # A whole key object that does not open is another site's, unless there is nothing else.
                denied = denied or e
                continue
            if found[0] != site or found[1] != tenant:
                problems.append(f"{folder}/{text} belongs elsewhere")
                continue
            if wanted is None or found[3] == wanted:
                logs.append(read_tenant(path, tenant, found[3], found[2], timeline))
            break
        if not whole and any(Name.parse(text) for text in os.listdir(path)):
            problems.append(f"there is no whole key object in the folder {folder}: its tenant was erased, or its key object is lost")
    if not logs and denied is not None:
        raise denied
    if not logs and problems:
        raise Bad("; ".join(problems))
    if not logs:
        raise Bad("nothing of this site is here" if wanted is None else f"there is no tenant called {wanted}", MISSING)
    return sorted(logs, key=lambda log: (log.name != "main", log.name)), problems


# The command


def show_key(key):
    out = ""
    while key:
        try:
            return out + key.decode("utf-8").replace("\\", "\\\\")
        except UnicodeDecodeError as e:
            out += key[: e.start].decode("utf-8").replace("\\", "\\\\")
            out += "".join(f"\\x{byte:02x}" for byte in key[e.start : e.end])
            key = key[e.end :]
    return out


def parse_key(text):
    out = b""
    for part in re.findall(r"\\x[0-9a-fA-F]{2}|\\\\|.", text, re.S):
        out += b"\\" if part == "\\\\" else bytes([int(part[2:], 16)]) if len(part) == 4 else part.encode()
    return out


def rows(log, every):
    for document, key in sorted(enumerate(log.keys), key=lambda pair: pair[1]):
        for version in log.versions.get(document, []):
            if every or version.until is None:
                yield key, version


def row(log, key, version):
    out = {"tenant": log.name, "key": show_key(key), "version": version.number, "size": log.sizes[version.content]}
    found = log.digests[version.content]
    out["digest"] = None if found is None else found.hex()
    out.update(seq=version.seq, **{"from": version.time, "until": version.until}, removed=version.removed, meta=version.meta.show())
    if version.content in log.absent:
        out["forgotten"] = True
    elif version.content in log.unread:
        out["unsupported"] = log.unread[version.content]
    return out


def facts(log):
    """Everything of a log but its documents."""
    yield {"tenant": log.name, "position": {"timeline": log.timeline.hex(), "seq": log.seq, "digest": log.head.hex()}}
    for seq, chain, (time, clock, actor, reason, origin, request, cause, target) in log.batches:
        texts = {"actor": actor, "reason": reason, "origin": origin, "request": request}
        out = {"tenant": log.name, "batch": seq, "digest": chain and chain.hex(), "time": time, "clock": clock}
        out.update((name, text.decode()) for name, text in texts.items())
        yield out | {"cause": ["recorded", "undo", "rollback", "restore"][cause], "target": target}
    for (key, system, id_), (state, irrevocable, expires) in sorted(log.references.items()):
        yield {"tenant": log.name, "reference": [show_key(key), system, id_, state, irrevocable, expires]}
    for name, seq in sorted(log.marks.items()):
        yield {"tenant": log.name, "mark": [name, seq]}
    for name, (prefix, until) in sorted(log.holds.items()):
        yield {"tenant": log.name, "hold": [name, show_key(prefix), until]}
    if log.dropped:
        yield {"tenant": log.name, "dropped": log.dropped}


def list_(logs, options):
    for log in logs:
        if options.json and options.versions:
            for fact in facts(log):
                print(json.dumps(fact))
        for key, version in rows(log, options.versions):
            if options.json:
                print(json.dumps(row(log, key, version)))
            else:
                ended = "" if version.until is None else "  removed" if version.removed else "  replaced"
                print(f"{log.name}  {log.sizes[version.content]:>12}  v{version.number}  {show_key(key)}{ended}")


def get(logs, address):
    match = re.fullmatch(r"(.*)@v([0-9]+)", address, re.S)
    key, number = parse_key(match[1] if match else address), int(match[2]) if match else None
    for log in logs:
        for found, version in rows(log, True):
            if found == key and (version.number == number if number else version.until is None):
                sys.stdout.buffer.write(log.content(version.content))
                return
    raise Bad(f"there is no {address}", MISSING)


def extract(logs, into):
    """Writes the current documents as files, one folder for each tenant. What has no place in a file system is reported."""
    left = []
    for log in logs:
        # What was given up as a whole is not missing.
        if log.dropped and log.dropped[0] == "gone":
            continue
        top = os.path.join(into.encode(), log.tenant.hex().encode() if log.name in ("", ".", "..") else log.name.encode())
        links = []
        for key, version in rows(log, False):
            parts = key.rstrip(b"/").split(b"/")
            path = os.path.join(top, *parts)
            try:
                if any(part in (b"", b".", b"..") for part in parts):
                    raise Bad("its name leads elsewhere")
                data = log.content(version.content)
                if version.meta.kind == 2:
                    os.makedirs(path, exist_ok=True)
                    continue
                os.makedirs(os.path.dirname(path), exist_ok=True)
                if version.meta.kind == 1:
                    links.append((data, path))
                    continue
                with open(path, "xb") as file:
                    file.write(data)
                os.chmod(path, 0o644 if version.meta.mode is None else version.meta.mode & 0o777)
                if version.meta.mtime is not None:
                    os.utime(path, ns=(version.meta.mtime, version.meta.mtime))
            except (Bad, Unsupported, OSError) as e:
                left.append(f"{log.name}: {show_key(key)}: {e}")
        # Links come last, so that nothing is written through one.
        for target, path in links:
            os.symlink(target, path)
    return left


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("remote")
    parser.add_argument("--key", help="the key file")
    parser.add_argument("--sheet", help="the recovery sheet as text")
    parser.add_argument("--tenant")
    parser.add_argument("--timeline", help="the first 16 digits of a timeline id, where there are several")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--versions", action="store_true", help="with --list: every version, not only the current ones")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true")
    what.add_argument("--get", metavar="KEY[@vN]")
    what.add_argument("--extract", metavar="DIR")
    what.add_argument("--verify", action="store_true")
    what.add_argument("--attestation", metavar="FILE")
    options = parser.parse_args()
    try:
        if (options.key is None) == (options.sheet is None):
            raise Bad("give --key or --sheet", USAGE)
        passphrase = os.environ.get("ANNALS_PASSPHRASE")
        site, secret = read_sheet(options.sheet) if options.sheet else read_key_file(options.key, passphrase and passphrase.encode())
        if options.attestation is not None:
            print(read_attestation(options.attestation, secret))
            return 0
        logs, problems = read_remote(options.remote, site, secret, options.tenant, options.timeline)
        left = []
        if options.list:
            list_(logs, options)
        elif options.get is not None:
            get(logs, options.get)
        elif options.extract is not None:
            left = extract(logs, options.extract)
        else:
            for log in logs:
                total = sum(len(v) for v in log.versions.values())
                print(f"{log.name}: {log.seq} batches, {len(log.versions)} documents, {total} versions, digest {log.head.hex()}")
                print("  " + ", ".join(f"{count} {what}" for what, count in sorted(log.met.items()) if count))
    except (Bad, Unsupported) as e:
        print(f"error: {e}", file=sys.stderr)
        return getattr(e, "code", PARTLY)
    except (OSError, UnicodeDecodeError, KeyError, ValueError) as e:
        print(f"error: {e}", file=sys.stderr)
        return FAILED
    for problem in problems + [p for log in logs for p in log.problems]:
        print(f"problem: {problem}", file=sys.stderr)
    for log in logs:
        left += [f"{log.name}: content {n} is unsupported: {why}" for n, why in log.unread.items() if n not in log.absent]
    for line in left:
        print(f"left out: {line}", file=sys.stderr)
    return FOUND if problems or any(log.problems for log in logs) else PARTLY if left else 0


if __name__ == "__main__":
    sys.exit(main())
