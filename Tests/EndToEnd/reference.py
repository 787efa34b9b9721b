"""Slow, plain numpy versions of the merge methods: what the program's results are compared with.

    python reference.py --self-check

Written from the formulas alone, one function a method, in the order in which a formula reads. Nothing here is shared with
the program. Every function takes arrays of one tensor and computes in `real`: float64 for the published vectors, float32
(in which the program works) for real weights. Sums over a tensor are always float64.
"""
import itertools
import sys

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


# Shared rules -----------------------------------------------------------------------------------------------------------

def count(fraction, elements):
    """A fraction of a number of elements, cut towards zero."""
    return int(float(fraction) * float(elements))


def ramp(values, layer, layers):
    """The value of a ramp at `layer` of a stack of `layers`."""
    t = layer / (layers - 1) if layers > 1 else 1.0
    s = t * (len(values) - 1)
    a = int(np.floor(s))
    b = min(len(values) - 1, a + 1)
    return (1 - (s - a)) * values[a] + (s - a) * values[b]


def keep_largest(values, fraction):
    """Exactly k elements of the largest magnitude survive; of equals those that come first. All survive from 1 on."""
    if fraction >= 1:
        return values.copy()
    flat = values.ravel()
    k = max(1, count(fraction, flat.size)) if fraction > 0 and flat.size else 0
    if k == 0:
        return np.zeros_like(values)
    size = np.abs(flat)
    least = np.partition(size, flat.size - k)[flat.size - k]
    keep = size > least
    keep[np.flatnonzero(size == least)[:k - np.count_nonzero(keep)]] = True
    return np.where(keep, flat, 0).astype(values.dtype).reshape(values.shape)


def keep_from(values, least):
    """Every element at or above a magnitude survives."""
    return np.where(np.abs(values) >= least, values, 0).astype(values.dtype)


def mix(x):
    """SplitMix64's finaliser, on one Python integer."""
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def mix_array(x):
    """The same on an array of uint64, whose products wrap."""
    x = x ^ (x >> np.uint64(30))
    x = x * np.uint64(0xBF58476D1CE4E5B9)
    x = x ^ (x >> np.uint64(27))
    x = x * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def stream(seed, name, model):
    """The key of one model's random numbers for one tensor."""
    first = mix(mix((seed + GOLDEN) & MASK) ^ fnv1a(name))
    return mix((first + GOLDEN * (model + 1)) & MASK)


def uniform(seed, name, model, elements):
    """The random numbers in [0, 1) of a tensor's elements."""
    index = np.arange(1, elements + 1, dtype=np.uint64)
    bits = mix_array(np.uint64(stream(seed, name, model)) + np.uint64(GOLDEN) * index)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0 ** -53


def dot(a, b):
    return float(np.dot(a.ravel().astype(np.float64), b.ravel().astype(np.float64)))


def norm(a):
    return np.sqrt(dot(a, a))


def delta(model, base, real):
    return model.astype(real) - base.astype(real)


# Averages and interpolation ---------------------------------------------------------------------------------------------

def linear(models, weights, normalize=True, real=np.float32):
    total = float(sum(weights)) if normalize else 1.0
    return sum(real(w / total) * m.astype(real) for w, m in zip(weights, models))


def lerp(first, second, t, real=np.float32):
    return real(1 - t) * first.astype(real) + real(t) * second.astype(real)


def slerp(first, second, t, threshold=0.9995, eps=1e-8, real=np.float32):
    """Along the great circle from `first` (t = 0) to `second` (t = 1); along the chord where they are nearly parallel."""
    a, b = first.astype(real), second.astype(real)
    length_a, length_b = norm(a), norm(b)
    cosine = dot(a, b) / (length_a if length_a > eps else 1) / (length_b if length_b > eps else 1)
    if abs(cosine) > threshold:
        return real(1 - t) * a + real(t) * b
    angle = np.arccos(cosine)
    return real(np.sin((1 - t) * angle) / np.sin(angle)) * a + real(np.sin(t * angle) / np.sin(angle)) * b


def nuslerp(models, weights, base=None, flatten=True, row_wise=False, real=np.float32):
    total = weights[0] + weights[1]
    t = 0.5 if abs(total) < 1e-6 else weights[1] / total
    a, b = (m.astype(real) if base is None else delta(m, base, real) for m in models)
    if flatten or a.ndim < 2:
        axis = tuple(range(a.ndim))
    else:
        axis = 0 if row_wise else -1
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)

    def total_along(x):
        return np.sum(x, axis=axis, keepdims=True)

    length_a = np.maximum(np.sqrt(total_along(wide_a * wide_a)), 1e-7)
    length_b = np.maximum(np.sqrt(total_along(wide_b * wide_b)), 1e-7)
    angle = np.arccos(np.clip(total_along(wide_a * wide_b) / (length_a * length_b), -1, 1))
    sine = np.sin(angle)
    straight = np.abs(sine) < 1e-8
    safe = np.where(straight, 1, sine)
    share_a = np.where(straight, 1 - t, np.sin((1 - t) * angle) / safe).astype(real)
    share_b = np.where(straight, t, np.sin(t * angle) / safe).astype(real)
    merged = share_a * a + share_b * b
    return merged if base is None else base.astype(real) + merged


def stack(parts):
    """Layer ranges laid on one another: `parts` is a list of (layers of a source, start, end)."""
    return [layers[index] for layers, start, end in parts for index in range(start, end)]


# Task vectors -----------------------------------------------------------------------------------------------------------

def combine(base, deltas, weights, lam=1.0, normalize=False, elect=None, real=np.float32):
    """The common tail: weighted deltas, perhaps with an election of signs, summed, perhaps averaged, scaled, added."""
    weighted = [real(w) * d for w, d in zip(weights, deltas)]
    if elect is None:
        total = sum(weighted)
        divisor = sum(weights)
        if normalize:
            total = total / real(1.0 if abs(divisor) < 1e-8 else divisor)
    else:
        votes = sum(weighted) if elect == "sum" else sum(np.sign(v) for v in weighted)
        sign = np.where(votes >= 0, 1, -1)
        agrees = [np.sign(v) == sign for v in weighted]
        total = sum(np.where(m, v, real(0)) for m, v in zip(agrees, weighted))
        if normalize:
            divisor = sum(np.where(m, real(w), real(0)) for m, w in zip(agrees, weights))
            total = total / np.where(divisor == 0, real(1), divisor)
    return base.astype(real) + real(lam) * total


def task_arithmetic(base, models, weights, lam=1.0, normalize=False, real=np.float32):
    return combine(base, [delta(m, base, real) for m in models], weights, lam, normalize, None, real)


def negate(base, model, lam=1.0, real=np.float32):
    return base.astype(real) - real(lam) * delta(model, base, real)


def analogy(base, a, b, c, lam=1.0, real=np.float32):
    """What `c` would be if it were to the answer as `a` is to `b`."""
    return base.astype(real) + real(lam) * (delta(c, base, real) + delta(b, base, real) - delta(a, base, real))


def extrapolate(base, model, alpha=0.1, real=np.float32):
    return model.astype(real) + real(alpha) * delta(model, base, real)


def ties(base, models, weights, density, lam=1.0, normalize=True, election="sum", real=np.float32):
    """TIES as the best-known merging tool has it: trimmed tensor by tensor, elected on weighted deltas."""
    densities = density if isinstance(density, (list, tuple)) else [density] * len(models)
    trimmed = [keep_largest(delta(m, base, real), d) for m, d in zip(models, densities)]
    return combine(base, trimmed, weights, lam, normalize, election, real)


def ties_model(base, models, weights, density, lam=1.0, normalize=True, election="sum", real=np.float32):
    """The same, trimmed over all tensors of a model at once. `base` and `models` are dictionaries of tensors."""
    names = sorted(base)
    trimmed = []
    for model in models:
        whole = np.concatenate([delta(model[n], base[n], real).ravel() for n in names])
        trimmed.append(keep_largest(whole, density))
    return split(combine(np.concatenate([base[n].ravel() for n in names]), trimmed, weights, lam, normalize, election, real),
                 base, names)


def ties_paper(base, models, density, agg="mean", lam=1.0, zero_sign="global_majority", real=np.float32):
    """TIES as its paper's code has it: one threshold and one majority sign for the whole model. Dictionaries again."""
    names = sorted(base)
    flat = np.concatenate([base[n].ravel() for n in names]).astype(real)
    trimmed = []
    for model in models:
        whole = np.concatenate([delta(model[n], base[n], real).ravel() for n in names])
        rank = whole.size - count(density, whole.size)
        trimmed.append(whole if rank < 1 else keep_from(whole, np.partition(np.abs(whole), rank - 1)[rank - 1]))
    sign = np.sign(sum(trimmed))
    majority = np.sign(sign.sum(dtype=np.float64)) if zero_sign == "global_majority" else 1.0
    sign = np.where(sign == 0, majority, sign)
    kept = [np.where(np.where(sign > 0, t > 0, t < 0), t, real(0)) for t in trimmed]
    if agg == "max":
        merged = np.max([np.abs(k) for k in kept], axis=0) * sign.astype(real)
    else:
        merged = sum(kept)
        if agg == "mean":
            merged = merged / np.maximum(1, sum((k != 0).astype(real) for k in kept))
    return split(flat + real(lam) * merged, base, names)


def ties_peft(base, models, weights, density, lam=1.0, election="sum", real=np.float32):
    """TIES as the adapter library has it: an unweighted election, and a division by how many agree."""
    trimmed = [keep_largest(delta(m, base, real), density) for m in models]
    votes = sum(trimmed) if election == "sum" else sum(np.sign(t) for t in trimmed)
    sign = np.where(votes >= 0, 1, -1)
    agrees = [np.sign(t) == sign for t in trimmed]
    total = sum(np.where(m, real(w) * t, real(0)) for m, w, t in zip(agrees, weights, trimmed))
    return base.astype(real) + real(lam) * (total / np.maximum(1, sum(m.astype(real) for m in agrees)))


def dropped(values, density, seed, name, model, rule="inverse_density", rescale=True):
    """DARE: elements dropped at random, the others scaled up."""
    if density >= 1:
        return values.copy()
    real = values.dtype.type
    keep = uniform(seed, name, model, values.size).reshape(values.shape) < density
    kept = np.where(keep, values, real(0))
    if not rescale:
        return kept
    if rule == "inverse_density":
        return kept / real(density)
    before = float(np.abs(values).sum(dtype=np.float64))
    after = float(np.abs(kept).sum(dtype=np.float64))
    return kept if before < 1e-7 or after < 1e-7 else kept * real(before / after)


def dare(base, models, weights, density, seed, name, elect=None, lam=1.0, normalize=False, rule="inverse_density",
         rescale=True, real=np.float32):
    deltas = [dropped(delta(m, base, real), density, seed, name, i, rule, rescale) for i, m in enumerate(models)]
    return combine(base, deltas, weights, lam, normalize, elect, real)


def split(flat, like, names):
    """Cuts one long vector into the tensors of `like`."""
    tensors, at = {}, 0
    for name in names:
        tensors[name] = flat[at:at + like[name].size].reshape(like[name].shape)
        at += like[name].size
    return tensors


# Self-check -------------------------------------------------------------------------------------------------------------

BASE = np.array([1, -2, 0.5, 3, 0, -1, 2, -0.5])
DELTAS = [np.array(d) for d in (
    [0.5, -0.125, 0, 0.375, -0.25, 0.0625, 0.75, -0.625],
    [0.25, 0.375, -0.5, -0.125, 0, 0.625, 0.875, 0.1875],
    [-0.375, 0.3125, 0.4375, 0.1875, -0.5625, 0, -1, 0.25])]
MODELS = [BASE + d for d in DELTAS]
X = np.array([1.0, 0, 2, -1, 0, 3, 1, 0])
Y = np.array([0.0, 2, -1, 1, 1, 0, 2, -2])


def vectors():
    """Every published vector of these methods: a description, what was computed, what was expected."""
    f8, ones = np.float64, [1, 1, 1]
    whole, models = {"w": BASE}, [{"w": m} for m in MODELS]

    def merged(value, lam=1.0):
        return (value - BASE) / lam

    yield "counts are cut", [count(.29, 100), count(.57, 100), count(1 - .9, 10)], [28, 56, 0]
    yield "ramp", [ramp([0, 1], i, 5) for i in range(5)] + [ramp([.3, .7], 0, 1)], [0, .25, .5, .75, 1, .7]
    yield "FNV-1a of w", fnv1a("w") == 0xAF63EA4C86020456, True
    yield "first key", mix(mix((42 + GOLDEN) & MASK) ^ fnv1a("w")) == 0x989B3DCB4D125F67, True
    yield "first number", mix((stream(42, "w", 0) + GOLDEN) & MASK) == 0x18CC6395A4460B3, True
    for model, numbers in enumerate((
            [0.006054, 0.476837, 0.988567, 0.383825, 0.080626, 0.10431, 0.522059, 0.640638],
            [0.355735, 0.890166, 0.745586, 0.113822, 0.37042, 0.943974, 0.527784, 0.777889],
            [0.843043, 0.014309, 0.249908, 0.055281, 0.408905, 0.375891, 0.596691, 0.183515])):
        yield f"random numbers of model {model}", uniform(42, "w", model, 8), numbers

    yield "linear, normalized", linear(MODELS, [1, 2, 1], real=f8), \
        [1.15625, -1.765625, 0.359375, 3.078125, -0.203125, -0.671875, 2.375, -0.5]
    yield "linear, as weighted", linear(MODELS, [.5, .25, .25], normalize=False, real=f8), \
        [1.21875, -1.890625, 0.484375, 3.203125, -0.265625, -0.8125, 2.34375, -0.703125]
    yield "uniform soup", linear(MODELS, ones, real=f8), \
        [1.125, -1.8125, 0.479167, 3.145833, -0.270833, -0.770833, 2.208333, -0.5625]

    yield "slerp", slerp(X, Y, .25, real=f8), \
        [0.943295, 0.796766, 1.488207, -0.544912, 0.398383, 2.829885, 1.740061, -0.796766]
    yield "slerp of base and model", slerp(BASE, MODELS[0], .25, real=f8), \
        [1.128059, -2.036444, 0.501266, 3.101739, -0.062764, -0.98684, 2.193354, -0.658175]
    yield "slerp, straight", slerp(BASE, 1.01 * BASE, .5, real=f8), [1.005, -2.01, 0.5025, 3.015, 0, -1.005, 2.01, -0.5025]
    yield "slerp from zero", slerp(0 * Y, Y, .25, real=f8), \
        [0, 0.765367, -0.382683, 0.382683, 0.382683, 0, 0.765367, -0.765367]
    yield "nuslerp", nuslerp([X, Y], [1, 2], real=f8), \
        [0.519613, 1.777201, 0.150626, 0.368987, 0.888601, 1.55884, 2.296814, -1.777201]
    pair = [X.reshape(2, 4), Y.reshape(2, 4)]
    yield "nuslerp along the last axis", nuslerp(pair, [1, 2], flatten=False, real=f8).ravel(), \
        [0.742227, 2.274316, 0.347296, 0.394931, 0.804879, 1.342616, 2.057296, -1.609757]
    yield "nuslerp along the first axis", nuslerp(pair, [1, 2], flatten=False, row_wise=True, real=f8).ravel(), \
        [0.5, 1.732051, 0.133975, 0.391011, 0.866025, 1.5, 2.232051, -2.184824]
    yield "nuslerp of task vectors", nuslerp(MODELS[:2], [1, 2], base=BASE, real=f8), \
        [1.396589, -1.765517, 0.118708, 3.059134, -0.102971, -0.497642, 2.976175, -0.614444]

    layers = [MODELS[0][:4], MODELS[0][4:]]
    yield "stack", np.concatenate(stack([(layers, 0, 2), (layers, 1, 2)])), \
        [1.5, -2.125, .5, 3.375, -.25, -.9375, 2.75, -1.125, -.25, -.9375, 2.75, -1.125]

    yield "task arithmetic", task_arithmetic(BASE, MODELS, ones, lam=.5, real=f8), \
        [1.1875, -1.71875, 0.46875, 3.21875, -0.40625, -0.65625, 2.3125, -0.59375]
    yield "task arithmetic, normalized", task_arithmetic(BASE, MODELS, [.6, .3, .1], normalize=True, real=f8), \
        [1.3375, -1.93125, 0.39375, 3.20625, -0.20625, -0.775, 2.6125, -0.79375]
    yield "negate", negate(BASE, MODELS[0], real=f8), [0.5, -1.875, 0.5, 2.625, 0.25, -1.0625, 1.25, 0.125]
    yield "analogy", analogy(BASE, *MODELS, real=f8), [0.375, -1.1875, 0.4375, 2.6875, -0.3125, -0.4375, 1.125, 0.5625]
    yield "extrapolate", extrapolate(BASE, MODELS[0], .3, real=f8), \
        [1.65, -2.1625, 0.5, 3.4875, -0.325, -0.91875, 2.975, -1.3125]

    for model, expected in enumerate((
            [0.5, 0, 0, 0.375, 0, 0, 0.75, -0.625], [0, 0.375, -0.5, 0, 0, 0.625, 0.875, 0],
            [-0.375, 0, 0.4375, 0, -0.5625, 0, -1, 0])):
        yield f"trim of model {model}", keep_largest(DELTAS[model], .5), expected
    equals = np.array([.5, -.5, .5, .25, .25, .25, 0, .125])
    yield "equal magnitudes, exact count", keep_largest(equals, .5), [0.5, -0.5, 0.5, 0.25, 0, 0, 0, 0]
    yield "equal magnitudes, threshold", keep_from(equals, .25), [0.5, -0.5, 0.5, 0.25, 0.25, 0.25, 0, 0]
    yield "ties", merged(ties(BASE, MODELS, ones, .5, real=f8)), \
        [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.8125, -0.625]
    yield "ties, count", merged(ties(BASE, MODELS, ones, .5, election="count", real=f8)), \
        [0.5, 0.375, 0.4375, 0.375, -0.5625, 0.625, 0.8125, -0.625]
    yield "ties, sum", merged(ties(BASE, MODELS, ones, .5, normalize=False, real=f8)), \
        [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 1.625, -0.625]
    thirds = ties(BASE, MODELS, [.5, .3, .2], .5, lam=.8, real=f8)
    yield "ties, weighted", merged(thirds), [0.4, 0.3, -0.4, 0.3, -0.45, 0.5, 0.6375, -0.5]
    yield "ties, weighted, output", thirds, [1.4, -1.7, 0.1, 3.3, -0.45, -0.5, 2.6375, -1]
    yield "ties, weighted, sum", merged(ties(BASE, MODELS, [.5, .3, .2], .5, normalize=False, real=f8)), \
        [0.25, 0.1125, -0.15, 0.1875, -0.1125, 0.1875, 0.6375, -0.3125]
    yield "ties over a model of one tensor", ties_model(whole, models, ones, .5, real=f8)["w"] - BASE, \
        [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.8125, -0.625]
    for agg, expected in (
            ("mean", [0.375, 0.34375, -0.5, 0.375, -0.40625, 0.625, 0.8125, -0.625]),
            ("sum", [0.75, 0.6875, -0.5, 0.375, -0.8125, 0.625, 1.625, -0.625]),
            ("max", [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.875, -0.625])):
        yield f"ties of the paper, {agg}", merged(ties_paper(whole, models, .5, agg, real=f8)["w"]), expected
    yield "ties of adapters", merged(ties_peft(BASE, MODELS, [.5, .3, .2], .5, real=f8)), \
        [0.25, 0.1125, -0.15, 0.1875, -0.1125, 0.1875, 0.31875, -0.3125]

    for model, expected in enumerate(([1, 1, 0, 1, 1, 1, 0, 0], [1, 0, 0, 1, 1, 0, 0, 0], [0, 1, 1, 1, 1, 1, 0, 1])):
        yield f"mask of model {model}", uniform(42, "w", model, 8) < .5, expected
    for title, settings, expected in (
            ("linear", {}, [1.75, -1.8125, 0.9375, 3.4375, -0.8125, -0.9375, 2, -0.25]),
            ("linear, l1", {"rule": "l1"}, [2.491071, -1.848958, 0.890625, 3.061756, -0.758185, -0.936012, 2, -0.276786]),
            ("ties", {"elect": "sum"}, [1.75, -1.6875, 0.9375, 3.5625, -0.8125, -0.9375, 2, -0.25]),
            ("ties, normalized", {"elect": "sum", "normalize": True},
             [1.375, -1.6875, 0.9375, 3.28125, -0.40625, -0.9375, 2, -0.25]),
            ("ties, l1", {"elect": "sum", "rule": "l1"},
             [2.491071, -1.720982, 0.890625, 3.551339, -0.758185, -0.936012, 2, -0.276786])):
        yield f"dare {title}", dare(BASE, MODELS, ones, .5, 42, "w", lam=.5, real=f8, **settings), expected


def self_check():
    import reference_outliers  # which are built on this module
    import reference_scored

    passed = failed = 0
    for title, value, expected in itertools.chain(vectors(), reference_scored.vectors(), reference_outliers.vectors()):
        if np.allclose(np.asarray(value, np.float64), np.asarray(expected, np.float64), rtol=0, atol=2e-6):
            passed += 1
        else:
            failed += 1
            print(f"FAILED {title}\n  computed {np.round(np.asarray(value, np.float64), 6).tolist()}\n  expected {expected}")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if sys.argv[1:] != ["--self-check"]:
        sys.exit("usage: python reference.py --self-check")
    sys.exit(0 if self_check() else 1)
