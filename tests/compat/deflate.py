"""Container method 3 of FORMAT.md: the deflate encoder of Microsoft Office, after zlib's deflate_fast, deflate_slow and trees.c."""

MIN_MATCH, MAX_MATCH, MAX_DISTANCE, TOO_FAR, LAZY = 3, 258, 32506, 4096, 4
BLOCK_SYMBOLS = 8191
LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
LENGTH_BITS = [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0]
DISTANCES = [1, 2, 3, 4] + [1 + (1 << b) * m for b in range(1, 14) for m in (2, 3)]
DISTANCE_BITS = [0, 0, 0, 0] + [b for b in range(1, 14) for _ in range(2)]
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]


def place(table, value):
    """The last entry of a table that is not above the value."""
    low, high = 0, len(table)
    while high - low > 1:
        middle = (low + high) // 2
        if table[middle] <= value:
            low = middle
        else:
            high = middle
    return low


class Bits:
    """A bit stream, least significant bit first."""

    def __init__(self):
        self.out, self.bits, self.used = bytearray(), 0, 0

    def put(self, value, length):
        self.bits |= value << self.used
        self.used += length
        while self.used >= 8:
            self.out.append(self.bits & 255)
            self.bits >>= 8
            self.used -= 8

    def align(self):
        if self.used:
            self.put(0, 8 - self.used)

    def stored(self, data, last):
        self.put(int(last), 3)
        self.align()
        self.out += len(data).to_bytes(2, "little") + (len(data) ^ 0xFFFF).to_bytes(2, "little") + data


def build(frequencies, longest):
    """Code lengths of zlib's build_tree, and the highest symbol that has one."""
    n = len(frequencies)
    freq = list(frequencies) + [0] * (n + 1)
    depth = [0] * (2 * n + 1)
    parent = [0] * (2 * n + 1)
    heap = [symbol for symbol in range(n) if freq[symbol]]
    highest = heap[-1] if heap else -1
    while len(heap) < 2:
        node = highest + 1 if highest < 2 else 0
        highest = max(highest, node)
        freq[node] = 1
        heap.append(node)
    heap = [None] + heap
    size = len(heap) - 1

    def smaller(a, b):
        return freq[a] < freq[b] or (freq[a] == freq[b] and depth[a] <= depth[b])

    def sift(k):
        value, j = heap[k], 2 * k
        while j <= size:
            if j < size and smaller(heap[j + 1], heap[j]):
                j += 1
            if smaller(value, heap[j]):
                break
            heap[k], k, j = heap[j], j, 2 * j
        heap[k] = value

    for k in range(size // 2, 0, -1):
        sift(k)
    order, node = [], n
    while True:
        a = heap[1]
        heap[1] = heap[size]
        size -= 1
        sift(1)
        b = heap[1]
        order += [a, b]
        freq[node], depth[node] = freq[a] + freq[b], max(depth[a], depth[b]) + 1
        parent[a] = parent[b] = node
        heap[1] = node
        node += 1
        sift(1)
        if size < 2:
            break
    order.append(heap[1])
    # gen_bitlen: from the root down, and codes that are too long are shortened.
    lengths = [0] * (2 * n + 1)
    counts = [0] * (longest + 1)
    overflow = 0
    order.reverse()
    for index, symbol in enumerate(order):
        bits = 0 if index == 0 else lengths[parent[symbol]] + 1
        if bits > longest:
            bits = longest
            overflow += 1
        lengths[symbol] = bits
        if symbol < n and index:
            counts[bits] += 1
    if overflow:
        while overflow > 0:
            bits = longest - 1
            while counts[bits] == 0:
                bits -= 1
            counts[bits] -= 1
            counts[bits + 1] += 2
            counts[longest] -= 1
            overflow -= 2
        leaves = [symbol for symbol in reversed(order) if symbol < n]
        leaf = iter(leaves)
        for bits in range(longest, 0, -1):
            for _ in range(counts[bits]):
                lengths[next(leaf)] = bits
    return lengths[:n], highest


def codes(lengths):
    """The canonical code of each symbol, bits reversed as they are written."""
    counts = [0] * 17
    for length in lengths:
        counts[length] += 1
    counts[0] = 0
    code, following = 0, [0] * 17
    for bits in range(1, 17):
        code = (code + counts[bits - 1]) << 1
        following[bits] = code
    out = []
    for length in lengths:
        if length:
            out.append(int(f"{following[length]:0{length}b}"[::-1], 2))
            following[length] += 1
        else:
            out.append(0)
    return out


def run_lengths(lengths):
    """The code lengths as symbols of the third code: (symbol, extra value, extra bits)."""
    out, i = [], 0
    before, count = -1, 0
    n = len(lengths)
    most, least = (138, 3) if lengths[0] == 0 else (7, 4)
    while i < n:
        current = lengths[i]
        following = lengths[i + 1] if i + 1 < n else None
        i += 1
        count += 1
        if count < most and current == following:
            continue
        if count < least:
            out += [(current, 0, 0)] * count
        elif current:
            if current != before:
                out.append((current, 0, 0))
                count -= 1
            out.append((16, count - 3, 2))
        elif count <= 10:
            out.append((17, count - 3, 3))
        else:
            out.append((18, count - 11, 7))
        count, before = 0, current
        most, least = (138, 3) if following == 0 else (6, 3) if current == following else (7, 4)
    return out


FIXED = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8


def write_block(bits, symbols, data, last):
    """One block in the shortest of its three forms. A symbol is a literal (0, byte) or a match (distance, length)."""
    literals, distances = [0] * 286, [0] * 30
    literals[256] = 1
    for distance, value in symbols:
        if distance:
            literals[257 + place(LENGTHS, value)] += 1
            distances[place(DISTANCES, distance)] += 1
        else:
            literals[value] += 1
    literal_lens, literal_top = build(literals, 15)
    distance_lens, distance_top = build(distances, 15)
    runs = run_lengths(literal_lens[: literal_top + 1]) + run_lengths(distance_lens[: distance_top + 1])
    counts = [0] * 19
    for symbol, _, _ in runs:
        counts[symbol] += 1
    run_lens, _ = build(counts, 7)
    run_top = max([i for i in range(18, 2, -1) if run_lens[ORDER[i]]] + [2]) if any(run_lens[ORDER[i]] for i in range(3, 19)) else 2
    extra = sum(
        literals[257 + i] * LENGTH_BITS[i] for i in range(29)
    ) + sum(distances[i] * DISTANCE_BITS[i] for i in range(30))
    dynamic = extra + sum(f * b for f, b in zip(literals, literal_lens)) + sum(f * b for f, b in zip(distances, distance_lens))
    dynamic += 14 + 3 * (run_top + 1) + sum(run_lens[symbol] + length for symbol, _, length in runs)
    fixed = extra + sum(f * b for f, b in zip(literals, FIXED)) + 5 * sum(distances)
    fixed_bytes, dynamic_bytes = (fixed + 3 + 7) >> 3, (dynamic + 3 + 7) >> 3
    best = min(fixed_bytes, dynamic_bytes)
    if len(data) + 4 <= best and len(data) <= 65535:
        bits.stored(data, last)
        return
    if fixed_bytes <= dynamic_bytes:
        bits.put(2 | int(last), 3)
        literal_lens, distance_lens = FIXED, [5] * 30
    else:
        bits.put(4 | int(last), 3)
        bits.put(literal_top - 256, 5)
        bits.put(distance_top, 5)
        bits.put(run_top - 3, 4)
        for symbol in ORDER[: run_top + 1]:
            bits.put(run_lens[symbol], 3)
        run_codes = codes(run_lens)
        for symbol, value, length in runs:
            bits.put(run_codes[symbol], run_lens[symbol])
            bits.put(value, length)
    literal_codes, distance_codes = codes(literal_lens), codes(distance_lens)
    for distance, value in symbols:
        if not distance:
            bits.put(literal_codes[value], literal_lens[value])
            continue
        index = place(LENGTHS, value)
        bits.put(literal_codes[257 + index], literal_lens[257 + index])
        bits.put(value - LENGTHS[index], LENGTH_BITS[index])
        index = place(DISTANCES, distance)
        bits.put(distance_codes[index], distance_lens[index])
        bits.put(distance - DISTANCES[index], DISTANCE_BITS[index])
    bits.put(literal_codes[256], literal_lens[256])


class Search:
    """The search through one segment. Calls `emit(symbols, start, end)` for each full block."""

    def __init__(self, data, chain, emit):
        self.data, self.chain, self.emit = data, chain, emit
        self.head, self.before = {}, [0] * len(data)
        self.symbols, self.start = [], 0

    def insert(self, at):
        """Remembers the position; gives the one before with the same hash, 0 for none."""
        if at + MIN_MATCH > len(self.data):
            return 0
        a, b, c = self.data[at : at + 3]
        key = (a << 10 ^ b << 5 ^ c) & 0x3FFF
        found = self.head.get(key, 0)
        self.head[key] = at
        self.before[at] = found
        return found

    def longest(self, at, candidate, best):
        """Length and place of the longest match above `best`; (best, None) where there is none."""
        data, found, tries = self.data, None, self.chain
        ahead = min(MAX_MATCH, len(data) - at)
        limit = max(at - MAX_DISTANCE, 0)
        while True:
            if best < ahead and data[candidate + best] == data[at + best]:
                same = 0
                while same < ahead and data[candidate + same] == data[at + same]:
                    same += 1
                if same > best:
                    best, found = same, candidate
                    if same == ahead:
                        break
            candidate = self.before[candidate]
            tries -= 1
            if candidate <= limit or tries == 0:
                break
        return best, found

    def push(self, symbol, end):
        self.symbols.append(symbol)
        if len(self.symbols) == BLOCK_SYMBOLS:
            self.emit(self.symbols, self.start, end)
            self.symbols, self.start = [], end

    def greedily(self):
        data, at = self.data, 0
        while at < len(data):
            candidate = self.insert(at)
            length, found = 2, None
            if candidate and at - candidate <= MAX_DISTANCE:
                length, found = self.longest(at, candidate, 2)
            if found is None:
                self.push((0, data[at]), at + 1)
                at += 1
                continue
            end = at + length
            if length <= LAZY and len(data) - end >= MIN_MATCH:
                for inner in range(at + 1, end):
                    self.insert(inner)
            self.push((at - found, length), end)
            at = end

    def lazily(self):
        data, at = self.data, 0
        length, found, waiting = 2, None, False
        while at < len(data):
            candidate = self.insert(at)
            earlier, earlier_found = length, found
            length, found = 2, None
            if candidate and earlier < LAZY and at - candidate <= MAX_DISTANCE:
                length, found = self.longest(at, candidate, earlier)
                if found is None:
                    length = min(earlier, len(data) - at)
                if length == MIN_MATCH and found is not None and at - found > TOO_FAR:
                    length, found = 2, None
            if earlier >= MIN_MATCH and length <= earlier and earlier_found is not None:
                end = at - 1 + earlier
                for inner in range(at + 1, end):
                    self.insert(inner)
                self.push((at - 1 - earlier_found, earlier), end)
                length, found, waiting = 2, None, False
                at = end
            else:
                if waiting:
                    self.push((0, data[at - 1]), at)
                waiting = True
                at += 1
        if waiting:
            self.push((0, data[at - 1]), at)


def office_stream(plain, rules, segments):
    """The stream, or None for rules and segments that cannot be. A segment is its plain length and its number of markers."""
    good = rules in (0, 1) and segments and sum(n for n, _ in segments) == len(plain) and segments[-1][1] == 0
    if not good or any(not 1 <= markers <= 64 for _, markers in segments[:-1]):
        return None
    bits, done = Bits(), 0
    for length, markers in segments:
        data = plain[done : done + length]
        done += length
        search = Search(data, [16, 4096][rules], lambda symbols, start, end, data=data: write_block(bits, symbols, data[start:end], False))
        search.lazily() if rules else search.greedily()
        if search.symbols or not markers:
            write_block(bits, search.symbols, data[search.start :], not markers)
        for _ in range(markers):
            bits.stored(b"", False)
    bits.align()
    return bytes(bits.out)
