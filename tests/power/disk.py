"""A disk that remembers: one file, served through FUSE, whose every write and flush is kept in order.

A loop device on that file is a disk with a volatile cache: what was written since the last flush may be there after a power cut, or not, in
any order, torn at any sector. The kernel protocol is spoken directly (linux/fuse.h, version 7.31), so nothing has to be installed.
"""

import ctypes
import errno
import os
import random
import struct
import subprocess
import threading

SECTOR = 512
BLOCK = 4096
MAX_WRITE = 1 << 20
MNT_DETACH = 2

IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")

GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 3, 4, 14, 15, 16, 17, 18, 20, 25, 26
FORGET, INTERRUPT, DESTROY, BATCH_FORGET = 2, 36, 38, 42

libc = ctypes.CDLL(None, use_errno=True)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def mount(source, target, kind, flags=0, options=""):
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {kind} on {target}: {os.strerror(code)}")


def unmount(target):
    if libc.umount2(target.encode(), 0) != 0:
        code = ctypes.get_errno()
        # Never left behind, whoever still has a file open there; but not passed over either.
        libc.umount2(target.encode(), MNT_DETACH)
        raise OSError(code, f"unmount {target}: {os.strerror(code)}")


class Disk:
    """`size` bytes as the file `path`. `events` holds ("write", offset, bytes), ("flush",) and ("ack", anything), in order."""

    def __init__(self, path, size):
        self.path, self.size = path, size
        self.bytes = bytearray(size)
        self.events = []
        self.lock = threading.Lock()
        open(path, "wb").close()
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        # The root of this file system is a regular file, so it is mounted on one.
        mount("annals-power", path, "fuse", 0, f"fd={self.fd},rootmode=100600,user_id=0,group_id=0")
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def ack(self, what):
        """Notes that something was said to be durable: every write that it needs is in `events` by now."""
        with self.lock:
            self.events.append(("ack", what))

    def close(self):
        unmount(self.path)
        self.thread.join(timeout=10)
        os.close(self.fd)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, MAX_WRITE + BLOCK)
            except OSError as e:
                if e.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                # Unmounted.
                return
            _, opcode, unique, *_ = IN_HEADER.unpack_from(request)
            if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            error, answer = self.answer(opcode, memoryview(request)[IN_HEADER.size:])
            try:
                os.write(self.fd, OUT_HEADER.pack(OUT_HEADER.size + len(answer), -error, unique) + answer)
            except OSError:
                return
            if opcode == DESTROY:
                return

    def answer(self, opcode, body):
        if opcode == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            data = bytes(body[40:40 + size])
            with self.lock:
                self.bytes[offset:offset + size] = data
                self.events.append(("write", offset, data))
            return 0, struct.pack("<II", size, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return 0, bytes(self.bytes[offset:min(offset + size, self.size)])
        if opcode == FSYNC:
            with self.lock:
                self.events.append(("flush",))
            return 0, b""
        if opcode == INIT:
            big_writes, max_pages = 1 << 5, 1 << 22
            return 0, struct.pack("<IIIIHHIIHHI7I", 7, 31, 1 << 20, big_writes | max_pages, 64, 48, MAX_WRITE, 1, MAX_WRITE // BLOCK, 0, 0, *[0] * 7)
        if opcode in (GETATTR, SETATTR):
            attr = ATTR.pack(1, self.size, self.size // SECTOR, 0, 0, 0, 0, 0, 0, 0o100600, 1, 0, 0, 0, BLOCK, 0)
            return 0, struct.pack("<QII", 3600, 0, 0) + attr
        if opcode == OPEN:
            return 0, struct.pack("<QII", 1, 0, 0)
        if opcode == STATFS:
            return 0, struct.pack("<QQQQQIIII6I", 0, 0, 0, 0, 0, BLOCK, 255, BLOCK, 0, *[0] * 6)
        if opcode in (RELEASE, FLUSH, DESTROY):
            return 0, b""
        return errno.ENOSYS, b""


class Mounted:
    """A file system in an image or a device, mounted while the block runs."""

    def __init__(self, image, target):
        self.image, self.target = image, target

    def __enter__(self):
        os.makedirs(self.target, exist_ok=True)
        self.loop = run("losetup", "--find", "--show", self.image)
        try:
            mount(self.loop, self.target, "ext4")
        except OSError:
            run("losetup", "--detach", self.loop)
            raise
        return self.target

    def __exit__(self, *_):
        try:
            unmount(self.target)
        finally:
            run("losetup", "--detach", self.loop)


def epochs(events):
    """Stretches between two flushes: the index at which each begins and ends (at a flush, or at the end)."""
    begin = 0
    for index, event in enumerate(events):
        if event[0] == "flush":
            yield begin, index
            begin = index + 1
    yield begin, len(events)


def torn(events, dice):
    """Of these writes some are there, in whole or in sectors, whatever their order was."""
    for _, offset, data in (event for event in events if event[0] == "write"):
        fate = dice.random()
        if fate < 0.4:
            yield offset, data
        elif fate < 0.7:
            for at in range(0, len(data), SECTOR):
                if dice.random() < 0.5:
                    yield offset + at, data[at:at + SECTOR]


class Replay:
    """The disk as it was after each flush, and images of it with something of the next epoch."""

    def __init__(self, size, image):
        self.image = image
        self.blocks = {}
        self.size = size

    def apply(self, offset, data):
        at = 0
        while at < len(data):
            number, within = divmod(offset + at, BLOCK)
            take = min(BLOCK - within, len(data) - at)
            if take == BLOCK:
                self.blocks[number] = data[at:at + take]
            else:
                block = bytearray(self.blocks.get(number, bytes(BLOCK)))
                block[within:within + take] = data[at:at + take]
                self.blocks[number] = bytes(block)
            at += take

    def write(self, extra):
        """Writes the image: what was flushed, and `extra` (offset, bytes) on top."""
        with open(self.image, "wb") as out:
            out.truncate(self.size)
            for number, block in self.blocks.items():
                if block.count(0) != BLOCK:
                    out.seek(number * BLOCK)
                    out.write(block)
            for offset, data in extra:
                out.seek(offset)
                out.write(data)


def dice(seed):
    return random.Random(seed)
