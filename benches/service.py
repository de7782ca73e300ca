"""The agent as a service: over a thin line, and idle with a large store.

    cargo build --release && python3 benches/service.py          # all; about half an hour on two cores
    python3 benches/service.py thin | cuts | idle | pages [--small]   # pages wants chromium and chromedriver

The line is a proxy between the real rclone and a real WebDAV server on this machine: so many bytes a second each way, so much delay each way, and it
can be cut. The server's directory is what counts as offsite."""

import heapq
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from lab import Annals, Failed, fresh, say, tree_sizes

SEED = 20261126
RATE = 8_000      # bytes a second each way: 64 kbit/s
DELAY = 0.350     # seconds each way: 700 ms round trip


class Line:
    """A proxy to a port on this machine: every byte takes its time, in each direction."""

    def __init__(self, to, rate=RATE, delay=DELAY):
        self.to, self.rate, self.delay = to, rate, delay
        self.sent = 0
        self.cut_at = None
        self.down = False
        self.ends = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        # One line, whatever number of connections: each way has one moment from which it is free.
        self.free = {True: 0.0, False: 0.0}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            with self.lock:
                if self.down:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.to))
                self.ends += [client, server]
            for source, target, out in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.carry, args=(source, target, out), daemon=True).start()

    def up(self, bytes_until_cut):
        """Lets connections through again, until so many bytes were sent; `None`: for good."""
        with self.lock:
            self.down = False
            self.cut_at = None if bytes_until_cut is None else self.sent + bytes_until_cut

    def carry(self, source, target, out):
        queue, news = [], threading.Condition()

        def deliver():
            while True:
                with news:
                    while not queue:
                        news.wait()
                    at, _, piece = heapq.heappop(queue)
                wait = at - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                try:
                    if piece is None:
                        target.shutdown(socket.SHUT_WR)
                        return
                    target.sendall(piece)
                except OSError:
                    return

        threading.Thread(target=deliver, daemon=True).start()
        number = 0
        while True:
            try:
                piece = source.recv(1_460)
            except OSError:
                piece = b""
            with self.lock:
                if source not in self.ends:
                    # It was cut: what a socket still holds never went over the line.
                    piece = b""
                begins = max(time.monotonic(), self.free[out])
                self.free[out] = ends = begins + len(piece) / self.rate
                if out:
                    self.sent += len(piece)
                    if self.cut_at is not None and self.sent >= self.cut_at:
                        self.down, self.cut_at = True, None
                        for end in self.ends:
                            try:
                                end.shutdown(socket.SHUT_RDWR)
                            except OSError:
                                pass
                        self.ends = []
            number += 1
            with news:
                heapq.heappush(queue, (ends + self.delay, number, piece or None))
                news.notify()
            if not piece:
                return
            # As a socket's buffer on a thin line does: what was not carried yet holds the sender up.
            time.sleep(max(0.0, ends - time.monotonic() - 1.0))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    def __init__(self, root):
        self.port = free_port()
        self.child = subprocess.Popen(["rclone", "serve", "webdav", str(root), "--addr", f"127.0.0.1:{self.port}", "--config", "/dev/null"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Failed("rclone serve webdav does not listen")

    def end(self):
        self.child.kill()
        self.child.wait()


class Agent:
    def __init__(self, annals):
        self.annals = annals
        self.child = subprocess.Popen([annals.binary, "-C", annals.store, "agent", "run"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.child.stderr.readline().startswith("agent runs")
        threading.Thread(target=self.child.stderr.read, daemon=True).start()

    def numbers(self):
        text = self.annals.call("metrics").out.decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}

    def usage(self):
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024
        return cpu, resident

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()


def batch(annals, documents):
    lines = "".join(json.dumps({"op": "put", "key": key, "json": value}) + "\n" for key, value in documents)
    path = annals.work / "batch.ndjson"
    path.write_text(lines)
    return annals.call("batch", "--from", path, "--reason", "bench", "--json")


def site(name, config):
    work = fresh(name)
    annals = Annals(work)
    annals.call("remote", "rm", "offsite")
    with open(annals.store / "annals.toml", "a") as f:
        f.write(config)
    return annals


def over(line, name):
    """A site whose remote is at the other end of a line."""
    conf = fresh(f"{name}-rclone") / "rclone.conf"
    conf.write_text(f"[dav]\ntype = webdav\nurl = http://127.0.0.1:{line.port}\nvendor = other\n")
    return site(name, f'[schedule]\nship = "every 1m"\n[[remote]]\nname = "dav"\nrclone = "dav:hist"\nrclone_config = "{conf}"\n')


def thin(small):
    """A change of ten documents on schedule over 64 kbit/s with 700 ms round trip."""
    work = fresh("served")
    server = Server(work)
    line = Line(server.port)
    annals = over(line, "thin")
    documents = [(f"case/{i}", {"id": i, "state": "open", "text": f"case number {i} of the bench"}) for i in range(10)]
    batch(annals, documents)
    annals.call("ship")
    agent = Agent(annals)
    seconds, requests = [], []
    try:
        for turn in range(3 if small else 5):
            batch(annals, [(key, dict(value, state=f"turn {turn}")) for key, value in documents])
            before = agent.numbers()
            while True:
                jobs = annals.call("jobs", "ls", "--json").json()
                jobs = jobs["rows"]
                done = [j for j in jobs if j["kind"] == "ship" and j["state"] == "done"]
                if len(done) > turn:
                    break
                time.sleep(1)
            job = max(done, key=lambda j: j["job"])
            stamp = lambda t: __import__("datetime").datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp()
            seconds.append(stamp(job["ended"]) - stamp(job["created"]))
            after = agent.numbers()
            count = lambda n: n.get('annals_remote_requests_total{remote="dav"}', 0)
            requests.append(int(count(after) - count(before)))
            say(f"  turn {turn}: {seconds[-1]:.1f} s from schedule to offsite, {requests[-1]} requests, {job['said']}")
    finally:
        agent.end()
    print(f"ten documents: {max(seconds):.1f} s at most from schedule to offsite (bar 5), requests {requests} (bar 2)")
    server.end()


def cuts(small):
    """Twenty cuts during 5 MB of what does not compress, each at a random place. What is sent does not depend on how fast that goes."""
    work = fresh("served")
    server = Server(work)
    line = Line(server.port, rate=4_000_000, delay=0.01)
    annals = over(line, "thin")
    batch(annals, [(f"case/{i}", {"id": i}) for i in range(10)])
    annals.call("ship")
    payload, where = 1_000_000 if small else 5_000_000, random.Random(SEED)
    (annals.work / "large").write_bytes(where.randbytes(payload))
    annals.call("put", "large", annals.work / "large")
    before, held = line.sent, sum(v[0] for v in tree_sizes(work).values())
    done = 0
    while True:
        line.up(where.randrange(payload // 44, payload * 3 // 44) if done < 20 else None)
        try:
            annals.call("ship", "--to", "dav")
            break
        except Failed:
            done += 1
    arrived = sum(v[0] for v in tree_sizes(work).values()) - held
    print(f"{done} cuts: {line.sent - before} bytes sent for {arrived} that arrived: {(line.sent - before) / arrived:.3f} times (bar 1.1)")
    server.end()


def large_site(name, small):
    """A store of a million documents that is offsite, and its remote."""
    count = 50_000 if small else 1_000_000
    remote = fresh(f"{name}-remote")
    annals = site(name, f'[schedule]\nship = "every 1m"\n[alert]\nstale_after = "4h"\n[[remote]]\nname = "dir"\ndirectory = "{remote}"\n')
    for start in range(0, count, 50_000):
        batch(annals, [(f"case/{i // 1000}/{i}", {"id": i, "state": "open"}) for i in range(start, start + 50_000)])
    annals.call("ship")
    return annals, remote, count


def idle(small):
    """An agent with nothing to do beside a store of a million documents."""
    annals, remote, count = large_site("idle", small)
    agent = Agent(annals)
    try:
        time.sleep(90)  # the first look at everything, the first patrol
        cpu, _ = agent.usage()
        before, offsite = tree_sizes(annals.store), tree_sizes(remote)
        started = time.monotonic()
        time.sleep(60 if small else 300)
        now, resident = agent.usage()
        share = (now - cpu) / (time.monotonic() - started) * 100
        changed = [os.path.relpath(p, annals.store) for p, v in tree_sizes(annals.store).items() if before.get(p) != v]
        new = len(set(tree_sizes(remote)) - set(offsite))
        print(f"{count} documents, idle: {share:.2f} % of a core (bar 0.5), {resident / 2**20:.0f} MiB resident (bar 80), "
              f"{new} new objects offsite (bar 0), files written here: {', '.join(changed) or 'none'}")
    finally:
        agent.end()


class Browser:
    """Headless Chromium through chromedriver."""

    def __init__(self):
        self.port = free_port()
        self.child = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                time.sleep(0.05)
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]}
        self.session = "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"}, method=method)
        return json.load(urllib.request.urlopen(request))["value"]

    def go(self, url):
        self.call("POST", f"{self.session}/url", {"url": url})

    def script(self, text):
        return self.call("POST", f"{self.session}/execute/sync", {"script": text, "args": []})

    def end(self):
        self.call("DELETE", self.session)
        self.child.kill()
        self.child.wait()


# From the start of the navigation to the first contentful paint, and the bytes of the page and of all that it fetched.
PAINT = """const paint = performance.getEntriesByName('first-contentful-paint')[0], page = performance.getEntriesByType('navigation')[0];
const all = [page, ...performance.getEntriesByType('resource')];
return paint ? [paint.startTime, page.responseEnd, page.encodedBodySize, all.reduce((sum, e) => sum + e.encodedBodySize, 0)] : null;"""


def pages(small):
    """The pages of a store of a million documents in a browser."""
    annals, _, count = large_site("pages", small)
    batch(annals, [(f"case/1/{i}", {"id": i, "state": "closed"}) for i in range(1000, 2000)])
    agent = Agent(annals)
    browser = Browser()
    try:
        front = annals.call("ui", "--no-open").out.decode().split()
        front = next(word for word in front if word.startswith("http"))
        browser.go(front)
        base = "/".join(front.split("/")[:3])
        for name, path in PAGES.items():
            taken = []
            for _ in range(5):
                browser.go(base + path)
                shown = None
                while shown is None:
                    shown = browser.script(PAINT)
                taken.append(shown)
            paint, served, page, everything = (sorted(t[k] for t in taken)[2] for k in range(4))
            print(f"{count} documents, {name}: first paint {paint:.0f} ms (bar 200), page served {served:.0f} ms, {page / 1000:.1f} kB (bar 60), {everything / 1000:.1f} kB with what it fetched")
    finally:
        browser.end()
        agent.end()


PAGES = {"Home": "/", "Document": "/document?key=case/1/1500", "Compare": "/compare?key=case/1/1500&old=1&new=2", "Transfers": "/transfers"}


def main():
    words = sys.argv[1:]
    small = "--small" in words
    wanted = [w for w in words if not w.startswith("-")] or ["thin", "cuts", "idle", "pages"]
    for name in wanted:
        {"thin": thin, "cuts": cuts, "idle": idle, "pages": pages}[name](small)


if __name__ == "__main__":
    main()
