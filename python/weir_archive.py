"""Reads task-vector archives (*.tv.safetensors) with NumPy and zstandard: a decoder written from docs/archive-format.md.

    python weir_archive.py x.tv.safetensors              lists its tensors
    python weir_archive.py x.tv.safetensors BASE OUT     makes the tuned checkpoint in the folder OUT; BASE is - for an adapter

Or import it: open(path) has tensors with their codec, dtype and shape, and delta(name, base), which is what is added, as f32.
It shows how the format works, symbol by symbol, and is slow. Checksums are verified where the package xxhash is installed. It
does not check all that a reader should: run `weir verify` on the archives of strangers first.
"""
import functools, io, itertools, json, math, os, sys
from types import SimpleNamespace as Item
import numpy as np, zstandard
try: import xxhash
except ImportError: xxhash = None

WIDTHS = dict(F64=8, F32=4, F16=2, BF16=2, F8_E4M3=1, F8_E5M2=1, I64=8, U64=8, I32=4, U32=4, I16=2, U16=2, I8=1, U8=1, BOOL=1)
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
CODECS = "same stored dense ternary ternary_plane ternary_context sign seeded dare sparse lossless lowrank".split()
BLOCK = 1 << 19

def expect(condition, message):
    if not condition: raise ValueError(message)

def ceil(a, b): return -(-a // b)
def unzip(frame, size): return zstandard.ZstdDecompressor().decompress(frame, max_output_size=size)

def widen(raw, dtype):  # elements as f32; those of F64 as they are
    found = np.frombuffer(raw, FLOATS[dtype])
    return (found.astype("<u4") << 16).view("<f4") if dtype == "BF16" else found if dtype == "F64" else found.astype("<f4")
def narrow(values, dtype):  # f32 rounded to nearest, ties to even
    bits = values.view("<u4")
    return (bits + (0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2") if dtype == "BF16" else values.astype(FLOATS[dtype])
def check(data, expected, name):  # the hash of a tensor or file is that of the list of its pieces' hashes
    if xxhash:
        pieces = [xxhash.xxh3_128_digest(data[at:at + (1 << 20)]) for at in range(0, len(data), 1 << 20)]
        expect(xxhash.xxh3_128_digest(b"".join(pieces)) == expected, f"{name} is not what the archive says")

class Reader:  # takes numbers of so many bits from a buffer, least significant first; or bytes, from the next whole one on
    def __init__(self, data, at=0):
        self.data, self.at = data, 8 * at
    def __call__(self, width):
        start, self.at = self.at, self.at + width
        return int.from_bytes(self.data[start >> 3:self.at + 7 >> 3], "little") >> (start & 7) & (1 << width) - 1
    def bytes(self, count):
        self.at = 8 * (ceil(self.at, 8) + count)
        return self.data[self.at // 8 - count:self.at // 8]
    def array(self, form, count):
        return np.frombuffer(self.bytes(count * np.dtype(form).itemsize), form)
    def mask(self, count):
        return np.unpackbits(self.array("u1", ceil(count, 8)), bitorder="little")[:count].astype(bool)

# The entropy coder, rANS. A table says for each of 4096 slots: frequency of its symbol, place among the symbol's slots, symbol.
def slots(frequencies, symbols):
    return [(f, place, symbol) for f, symbol in zip(frequencies, symbols) for place in range(f)]
def rans(state, words, tables):  # one symbol for each table, or what is none; number j is of state j % len(state)
    symbols = []
    for lane, symbol in zip(itertools.cycle(range(len(state))), tables):
        x = state[lane]
        while type(symbol) is list:  # the symbol of an escape is another table
            frequency, place, symbol = symbol[x & 4095]
            x = frequency * (x >> 12) + place
            if x < 65536: x = x << 16 | next(words)
        state[lane] = x
        symbols.append(symbol)
    return symbols

# Codecs 3 to 7: a mask, scales and signs

DENSITIES = [0, 2, 4, 10, 20, 40, 74, 129, 213, 338, 515, 755, 1070, 1472, 1969, 2569, 3277, 4095, 5022, 6055, 7189, 8416, 9728,
             11115, 12566, 14069, 15615, 17191, 18788, 20397, 22007, 23611, 25203, 26775, 28321, 29838, 31322, 32768]
WEIGHTS = [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181]

@functools.cache
def byte_table(c):  # of eight bits of a mask in a density class; in the outermost, what they are
    if c in (0, 74): return 255 * (c == 74)
    p, table, direct, sizes = DENSITIES[min(c, 74 - c)], [], True, [math.comb(8, k) for k in range(9)]
    members = [byte ^ 255 * (c > 37) for byte in sorted(range(256), key=lambda byte: (byte.bit_count(), byte))]
    weights = [functools.reduce(lambda w, p: w * p >> 16, [p] * k + [65536 - p] * (8 - k), 1 << 32) for k in range(9)]
    shares = [w * n + (1 << 19) >> 20 for w, n in zip(weights, sizes)]
    if (tail := (shares + [0]).index(0)) < 9: sizes[tail:], shares[tail:] = [sum(sizes[tail:])], [1]
    shares[shares.index(max(shares))] += 4096 - sum(shares)
    for n, share in zip(sizes, shares):
        direct = direct and share >= n
        even = slots([ceil(4096 * (i + 1), n) - ceil(4096 * i, n) for i in range(n)], members)
        table += slots([share // n + (i < share % n) for i in range(n)], members) if direct else slots([share], [even])
        members = members[n:]
    return table

def read_mask(take, count, exponents, drawn=None):
    kind, _ = take(3), take(5)
    if kind < 2: return np.full(count, kind == 1)
    if kind == 2: return take.mask(count)
    if kind == 5: return Reader(unzip(take.bytes(take(32)), ceil(count, 8))).mask(count)
    if kind == 6: return drawn
    if kind == 4:
        least, contexts = take(8), take(8)
        offsets = take.array("i1", contexts).astype(int)
    group, lowest = take(24), take(8)
    weights = [WEIGHTS[take(4)] for _ in range(take(8) + 1)] if group else [1]
    state = take.array("<u4", 8 if count >= 65536 else 1).tolist()
    words = iter(take.array("<u2", (8 * len(take.data) - take.at) // 16).tolist())
    shares, group = [1 + w * 4021 // sum(weights) if w else 0 for w in weights], group or count
    shares[weights.index(max(weights))] += 4096 - sum(shares)
    classes = rans(state, words, [slots(shares, itertools.count(lowest))] * ceil(count, group))
    if kind == 3:
        mask = Reader(bytes(rans(state, words, [byte_table(classes[8 * b // group]) for b in range(ceil(count, 8))]))).mask(count)
    else:
        i, context = np.arange(count), np.clip(exponents - least, 0, contexts - 1)
        order, classes = np.lexsort((i, context, i % group // 64, i // group)), np.array(classes)[i // group]
        mask, own = classes == 74, np.clip(classes + offsets[context], 1, 73) * (classes % 74 > 0)
        buckets = [order[own[order] == c] for c in range(1, 74)]
        tables = [([byte_table(c)] * ceil(len(b), 8) + [0] * 7)[:8 * ceil(len(b), 64)] for c, b in enumerate(buckets, 1)]
        layout = Reader(bytes(rans(state, words, itertools.chain(*tables))))
        for bucket in buckets:
            mask[bucket] = layout.mask(64 * ceil(len(bucket), 64))[:len(bucket)]
    expect(set(state) == {65536}, "a mask that does not end as it should")
    take.at -= 16 * words.__length_hint__()
    return mask

def signed(take, mask, first, row):  # the delta of a block whose mask has been read
    kept, delta = np.flatnonzero(mask), np.zeros(len(mask), "<f4")
    segments, which = np.unique((first + kept) // row * (take.data[0] >> 3), return_inverse=True)
    scales = take.array("<f4", len(segments))[which]
    delta[kept] = np.where(take.mask(len(kept)), -scales, scales)
    expect(take.at == 8 * len(take.data), "a block of another length")
    return delta
def drawn_mask(key, limit, first, count):
    x = np.uint64(key) + np.uint64(0x9E3779B97F4A7C15) * np.arange(first + 1, first + count + 1, dtype="u8")
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9
    x = (x ^ x >> 27) * 0x94D049BB133111EB
    return (x ^ x >> 31) >> 11 < limit

# Codec 10, by which others keep their values, too

FORMS = {"BF16": (7, 2, 1, 143), "F16": (10, 2, 1, 143), "F32": (23, 1, 0, 167)}  # M, D, F, first flip token
def meanings(detail, flip_detail, first_flip):  # of tokens: least difference, raw bits, whether it is negative, whether it flips
    def coarse(e, d, flips):
        return [((1 << d) + f << e >> d, max(0, e - d), minus, flips)
                for e, f, minus in itertools.product(range(e, 40), range(1 << d), (0, 1))]
    fine = [(a, 0, minus, 0) for a in range(32) for minus in (1, 0)][1:]
    rows = fine + coarse(5, detail, 0)[:first_flip - 63] + [(0, 0, 0, 1)] + coarse(0, flip_detail, 1)
    return np.array(rows[:254] + [(0, 0, 0, 0), (0, 8, 0, 0)])

def token_table(take):
    first, last, detail, lengths, frequencies = take(8), take(8), take(4), {}, [0] * 256
    for token in (*range(last + 1), *range(max(last + 1, 254), 256)):
        if token != first:
            if token <= last:
                steps = next(steps for steps in itertools.count() if not take(1))
                lengths[token] = lengths.get(token - 2, lengths.get(token - 1, 8)) + (steps + 1) // 2 * (-1) ** steps
            length = lengths[token] if token <= last else take(4)
            frequencies[token] = (1 << (t := min(length - 1, detail))) + take(t) << length - 1 - t if length else 0
    frequencies[first] = 4096 - sum(frequencies)
    return slots(frequencies, range(256))

def differences(tokens, meaning, take):  # what tokens and their raw bits say, and which of them flip
    tokens, raw = np.array(tokens, int), np.zeros(len(tokens), int)
    for i in np.flatnonzero(meaning[tokens, 1]):
        tokens[i] = take(8) if tokens[i] == 255 else tokens[i]
        raw[i] = take(int(meaning[tokens[i], 1]))
    least, _, negative, flips = meaning[tokens].T
    return (least + raw) * (1 - 2 * negative), flips

def lossless(block, dtype, base):  # the result's elements as integers; so are the base's
    n, width, take = len(base), 8 * base.itemsize, Reader(block, 1)
    if n == 0 or block[0] == 0: return base
    if block[0] == 1: return take.array(base.dtype, n)
    lanes, shift, size, count = take(3), take(5), take(32), take(32)
    mantissa, meaning = FORMS[dtype][0] - shift, meanings(*FORMS[dtype][1:])
    state, words = take.array("<u4", 1 << lanes).tolist(), iter(take.array("<u2", count).tolist())
    common, firsts = take(10), [0] + [take(7) for _ in range(take(5))]
    segment_table, *tables = [token_table(take) for _ in range(len(firsts) + 1)]
    tokens = np.array(rans(state, words, [segment_table] * ceil(n, size)))
    changes, _ = differences(tokens, meaning, take)
    moved = np.flatnonzero(np.repeat(tokens != 254, size)[:n])
    scale, old = (common + changes)[moved // size], base[moved].astype(int)
    floor = np.maximum(0, (scale + 3 >> 2) - (mantissa + 8)) << mantissa
    reference = np.maximum(old >> shift & (1 << width - 1 - shift) - 1, floor)
    classes = 4 * np.maximum(0, (scale >> 2) - (reference >> mantissa)) + (scale & 3)
    which = np.searchsorted(firsts, classes, "right") - 1
    changes, flips = differences(rans(state, words, [tables[t] for t in which.tolist()]), meaning, take)
    expect(set(state) == {65536} and next(words, None) is None, "a block that does not end as it should")
    result = base.copy()
    result[moved] = reference + changes << shift | (old >> width - 1 ^ flips) << width - 1
    return result
def numbers(block, count):  # BF16 coded without a base, as f32
    return widen(lossless(block, "BF16", np.zeros(count, "<u2")), "BF16")

# Blocks of all codecs, and the file
def factor(take, rows, columns, by_row):  # of codec 11; scales belong to rows or to columns
    if take(8) == 0:
        sizes = [min(BLOCK, rows * columns - at) for at in range(0, rows * columns, BLOCK)]
        return np.concatenate([numbers(take.bytes(take(32)), size) for size in sizes]).reshape(rows, columns)
    scales = take.array("<f4", rows if by_row else columns)
    return take.array("i1", rows * columns).reshape(rows, columns) * (scales[:, None] if by_row else scales)

def decode(t, block, first, old, right):  # a block's f32 delta, or its result as integers; so are the base's elements, `old`
    n, take, codec, drawn = len(old), Reader(block), CODECS[t.codec], drawn_mask(*t.mask, first, len(old)) if t.mask else None
    exponents = old.astype(int) >> FORMS[t.dtype][0] & (31 if t.dtype == "F16" else 255) if t.dtype in FORMS else None
    if codec == "stored":
        plain = np.frombuffer(block[1:] if block[0] == 0 else unzip(block[1:], old.nbytes), "u1")
        return plain.reshape(-1, n).T.ravel() if block[0] == 2 else plain
    if codec == "dense": return widen(block, "BF16" if t.flags & 8 else "F32")
    if codec == "lossless": return lossless(block, t.dtype, old)
    if codec == "lowrank":
        left, delta = factor(take, n // t.row, t.rank, False), np.zeros((n // t.row, t.row), "<f4")
        for k in range(t.rank):
            delta += left[:, k:k + 1] * right[k]
        return delta.ravel()
    if codec not in ("dare", "sparse"): return signed(take, read_mask(take, n, exponents, drawn), first, t.row)
    exact, count, size = (take(8), take(32), take(32)) if codec == "sparse" else (0, drawn.sum(), -9)
    mask, values = read_mask(Reader(block[9:9 + size]), n, exponents) if codec == "sparse" else drawn, block[9 + size:]
    result = old.copy() if exact else np.zeros(n, "<f4")
    result[mask] = lossless(values, t.dtype, old[mask]) if exact else numbers(values, count)
    return result

def tensors_of(path):  # of a safetensors file, or of those in a folder: dtype, shape and bytes by name
    if os.path.isdir(path):
        files = sorted(f for f in os.listdir(path) if f.endswith(".safetensors") and not f.endswith(".tv.safetensors"))
        return {name: tensor for file in files for name, tensor in tensors_of(os.path.join(path, file)).items()}
    data = np.memmap(path, "u1", "r")
    start = 8 + int.from_bytes(data[:8], "little")
    return {name: entry if name == "__metadata__" else (entry["dtype"], entry["shape"], data[start:][slice(*entry["data_offsets"])])
            for name, entry in json.loads(data[8:start].tobytes()).items()}

class Archive:
    def __init__(self, path):
        self.data, entries = np.memmap(path, "u1", "r"), tensors_of(path)
        self.metadata, index = entries["__metadata__"], entries["__tva_index__"][2].tobytes()
        at, take = 8 + int.from_bytes(self.data[:8], "little"), Reader(index)
        expect(self.metadata["format"] == "tva" and int(self.metadata["min_reader"]) <= 1, "a file that is no archive of version 1")
        hashes = [xxhash and xxhash.xxh3_128_digest(part) for part in (self.data[:at], index[:-16])]
        expect(not xxhash or hashes == [index[56:72], index[-16:]], "a damaged header or index")
        *_, packed, _, tensors, shards, files, _, _, size, plain = map(take, (64, 16, 16, 8, 8, 16, 32, 32, 32, 32, 64, 64, 64))
        name = Reader(unzip(index[104:104 + size], plain) if packed else index[104:104 + size])
        take.at, at, text = 8 * (104 + size), at + len(index), lambda: name.bytes(name(16)).decode()
        tensors = [Item(name=text(), dtype=list(WIDTHS)[name(8)], shape=[name(64) for _ in range(name(8))], length=name(32))
                   for _ in range(tensors)]
        self.shards = [Item(name=text(), codec=1, shape=[name(64)]) for _ in range(shards)]
        self.files = [Item(name=text(), codec=name(8), shape=[name(64)]) for _ in range(files)]
        for t in tensors:
            t.codec, t.flags = take(8), take(8)
            t.has_base, _, _ = t.flags & 1, take(8 * (t.flags & 1)), take(64 * (t.flags >> 1 & 1))
            t.base_hash, t.hash = take.bytes(16 * t.has_base), take.bytes(16 * (t.flags >> 2 & 1))
            t.mask, t.rank = (take(64), take(64)) if t.codec in (7, 8) else None, take(32 * (t.codec == 11))
        for t in self.shards + self.files:
            t.dtype, t.length, t.has_base, t.hash, t.mask = "U8", BLOCK, 0, take.bytes(16), None
        for t in self.shards + self.files + tensors:
            t.size, t.row, t.blocks = math.prod(t.shape), t.shape[-1] if len(t.shape) > 1 else math.prod(t.shape), []
            for _ in range(ceil(t.size, t.length) * (t.codec > 0) + (t.codec == 11)):
                t.blocks.append((at, take(32), take(64)))
                at += t.blocks[-1][1]
        self.tensors = {t.name: t for t in tensors}
    def block(self, t, number):
        start, size, expected = t.blocks[number]
        data = self.data[start:start + size].tobytes()
        expect(not xxhash or xxhash.xxh3_64_intdigest(data) == expected, f"block {number} of '{t.name}' is damaged")
        return data
    def both(self, t, base):  # the f32 delta, where there is one, and the bytes that come out; the base's tensor if there is one
        dtype, _, raw = base or (t.dtype, 0, b"")
        if base: check(raw, t.base_hash, f"the base's '{t.name}'")
        width, shared = WIDTHS[dtype], t.codec == 11
        old = np.frombuffer(bytes(raw[:t.size * width]).ljust(t.size * width, b"\0"), f"<u{width}")
        right = factor(Reader(self.block(t, 0)), t.rank, t.row, True) if shared else None
        parts = [decode(t, self.block(t, b + shared), b * t.length, old[b * t.length:][:t.length], right)
                 for b in range(len(t.blocks) - shared)]
        found = np.concatenate(parts or [old])
        delta = found if found.dtype == "<f4" else widen(found, t.dtype) - widen(old, dtype) if t.dtype in FLOATS else None
        result = (narrow(widen(old, dtype) + found, t.dtype) if found.dtype == "<f4" else found).tobytes()
        if t.hash and (base or not t.has_base):
            check(result, t.hash, f"'{t.name}'")
        return delta, result
    def delta(self, name, base=None):
        t, base = self.tensors[name], tensors_of(base) if isinstance(base, str) else base or {}
        expect(name in base or not t.has_base or t.codec not in (0, 5, 10) and t.flags < 16, f"'{name}' takes the base to read")
        return self.both(t, base[name] if t.has_base and name in base else None)[0].reshape(t.shape)

    def apply(self, base_folder, out):  # a delta has no files of its own, so nothing is written
        base = tensors_of(base_folder) if base_folder else {}
        for t in self.shards + self.files:
            data = self.both(t, None)[1] if t.codec else io.open(os.path.join(base_folder, t.name), "rb").read()
            check(data, t.hash, f"'{t.name}'")
            entries = {name: e for name, e in json.loads(data[8:]).items() if name != "__metadata__"} if t in self.shards else {}
            expect(all(part.strip(".") for part in t.name.split("/")), f"'{t.name}' leads out of the folder")
            os.makedirs(os.path.dirname(os.path.join(out, t.name)), exist_ok=True)
            with io.open(os.path.join(out, t.name), "xb") as file:
                file.write(data)
                for name in sorted(entries, key=lambda name: entries[name]["data_offsets"]):
                    file.write(self.both(self.tensors[name], base[name] if self.tensors[name].has_base else None)[1])

open = Archive
if __name__ == "__main__":
    archive = Archive(sys.argv[1])
    if not xxhash: print("the package xxhash is not installed: no checksum is verified", file=sys.stderr)
    if len(sys.argv) > 2: archive.apply(sys.argv[2] if sys.argv[2] != "-" else None, sys.argv[3])
    for t in archive.tensors.values() if len(sys.argv) == 2 else ():
        size = sum(size for _, size, _ in t.blocks)
        print(f"{CODECS[t.codec]:16}{t.dtype:6}{'x'.join(map(str, t.shape)):14}{size:12} B{8 * size / max(1, t.size):8.3f} bits each  {t.name}")
