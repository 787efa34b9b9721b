"""The slow reference, continued: methods that score elements, columns, layers or models, and those that read side files.

Their published vectors are checked by `python reference.py --self-check`. Models of several tensors are dictionaries; where
a method takes "deltas" it takes arrays of one tensor or of a model laid end to end.
"""
import numpy as np

from reference import BASE, DELTAS, MODELS, combine, count, delta, keep_largest


# Elements ---------------------------------------------------------------------------------------------------------------

def limited(x, low, high):
    """Numbers limited to two of their quantiles, the upper one from below the end."""
    ordered = np.sort(x, axis=None)
    d = ordered.size
    return np.clip(x, ordered[min(d - 1, int(d * low))], ordered[max(0, min(d - 1, int(d * (1 - high) - 1)))])


def normalized(x):
    width = x.max() - x.min()
    return (x - x.min()) / width if width > 0 else np.zeros_like(x)


def pcb(deltas, ratio, variant="a", lam=1.0, real=np.float32):
    """Parameter competition balancing: the merged delta."""
    deltas = [d.astype(real) for d in deltas]
    q = 1e-4 if variant == "a" else 0.01
    sizes = [limited(np.abs(d), q, q) for d in deltas]
    signed = [np.sign(d) * normalized(a) for d, a in zip(deltas, sizes)]
    scales = []
    for d, a, own in zip(deltas, sizes, signed):
        between = {
            "a": lambda: np.tanh(d * sum(deltas)),
            "b": lambda: np.tanh(d * sum(signed)),
            "c": lambda: sum(np.tanh(own * other) for other in signed),
        }[variant]()
        scales.append(normalized(limited(np.exp(len(deltas) * normalized(a) ** 2) * between, 1 - ratio, 0)))
    merged = sum(np.sign(d) * a * s for d, a, s in zip(deltas, sizes, scales))
    return real(lam) * merged / np.maximum(sum(scales), real(1e-12))


def emr_unified(deltas):
    """EMR's one delta for all tasks, and each task's mask."""
    elected = np.where(sum(deltas) > 0, 1, -1)
    masks = [d * elected > 0 for d in deltas]
    return elected * np.max([np.where(m, np.abs(d), 0) for m, d in zip(masks, deltas)], axis=0), masks


def emr_factor(deltas, task, means=True):
    """A task's factor over the tensors of a model; `deltas` is a list of models, each a list of tensors."""
    unified = [emr_unified(tensors) for tensors in zip(*deltas)]
    size = np.mean if means else np.sum
    before = sum(size(np.abs(tensor)) for tensor in deltas[task])
    after = sum(size(np.abs(np.where(masks[task], vector, 0))) for vector, masks in unified)
    return before / after if after > 0 else 0.0


def evo(values, alpha):
    """The alpha largest elements by magnitude, counts rounded to even, ties kept."""
    if alpha in (0, 1):
        return values * alpha
    kept = max(1, round(values.size * alpha))
    return np.where(np.abs(values) >= np.sort(np.abs(values), axis=None)[values.size - kept], values, 0)


def hi_merging(base, models, weights, density, scale, lam=1.0, real=np.float32):
    deltas = [real(scale) * keep_largest(delta(m, base, real), density) for m in models]
    return combine(base, deltas, weights, lam, True, "sum", real)


def ties_slack(deltas, weights, density, protected, slack, fraction):
    """TIES that keeps a share of a model's largest deltas where they lose: the merged delta."""
    trimmed = [keep_largest(d, density) for d in deltas]
    weighted = [w * t for w, t in zip(weights, trimmed)]
    elected = np.where(sum(weighted) >= 0, 1, -1)
    shares = [(np.sign(v) == elected).astype(float) for v in weighted]
    size = np.abs(deltas[protected])
    k = count(fraction, size.size)
    important = (size >= np.sort(size)[size.size - k]) & (trimmed[protected] != 0) if k else np.zeros(size.shape, bool)
    shares[protected] = np.maximum(shares[protected], slack * important)
    divisor = sum(s * w for s, w in zip(shares, weights))
    return sum(s * v for s, v in zip(shares, weighted)) / np.where(divisor == 0, 1, divisor)


# Columns, layers, models ------------------------------------------------------------------------------------------------

def widen_scores(changes, ratio=1.0, calibration=1.0):
    """Each model's scores: softmax over the models, or the calibration value where a change stands out in its model."""
    powers = np.exp(np.array(changes))
    return [np.where(c > ratio * c.mean(), calibration, p) for c, p in zip(changes, powers / powers.sum(axis=0))]


def widen(base, models, real=np.float32):
    """Of a matrix by its columns, of a vector by its elements."""
    deltas = [delta(m, base, real) for m in models]
    if base.ndim < 2:
        scores = widen_scores([np.abs(d) for d in deltas])
    else:
        w0 = base.astype(np.float64)
        length = np.sqrt((w0 * w0).sum(axis=0))
        longer, turned = [], []
        for model in models:
            w = model.astype(np.float64)
            own = np.sqrt((w * w).sum(axis=0))
            longer.append(np.abs(own - length))
            product = own * length
            turned.append(np.where(product > 0, 1 - (w * w0).sum(axis=0) / np.where(product > 0, product, 1), 0))
        ranked = [[np.argsort(np.argsort(c, kind="stable"), kind="stable") / c.size for c in kind] for kind in (longer, turned)]
        scores = [(a + b) / 2 for a, b in zip(widen_scores(ranked[0]), widen_scores(ranked[1]))]
    return base.astype(real) + sum(s.astype(real) * d for s, d in zip(scores, deltas))


def varm(base, models, real=np.float32):
    """FuseChat's first merge: weights by the mean square of what changed."""
    energies = [np.mean(np.square(delta(m, base, np.float64))) for m in models]
    share = [e / sum(energies) if all(energies) else 1 / len(models) for e in energies]
    return sum(real(s) * m.astype(real) for s, m in zip(share, models))


def signature(pretrained, standard, robust):
    """What a robust fine-tune changed at right angles to a standard one."""
    s, v = standard - pretrained, robust - pretrained
    square = float((s * s).sum())
    return v - (float((s * v).sum()) / square if square else 0.0) * s


def lwptv(base, models, eta, lam):
    """Layer-wise pruning by the relative length of each layer's delta; models are lists of layers."""
    deltas = [[m - b for m, b in zip(model, base)] for model in models]
    result = [b.copy() for b in base]
    for layers in deltas:
        scores = [np.sqrt((d * d).sum() / (b * b).sum()) if b.any() else np.inf for d, b in zip(layers, base)]
        dropped = np.argsort(scores, kind="stable")[:int(eta * len(base))]
        for place, change in enumerate(layers):
            if place not in dropped:
                result[place] = result[place] + lam * change
    return result


# Side files -------------------------------------------------------------------------------------------------------------

def fisher(models, information, weights, variant="matena", favor=True, floor=1e-6, lengths=None, real=np.float32):
    """One tensor; `lengths` are those of the models' information over all tensors, or this tensor's own."""
    lengths = lengths or [np.sqrt((f.astype(np.float64) ** 2).sum()) for f in information]
    top = bottom = 0
    for k, (model, f, w, length) in enumerate(zip(models, information, weights, lengths)):
        if variant == "mergelm":
            share = real(w / (length + floor)) * (f.astype(real) + real(floor))
        else:
            f = f.astype(real)
            share = real(w / (length or 1)) * (np.maximum(f, real(floor)) if k == 0 or not favor else f)
        top, bottom = top + share * model.astype(real), bottom + share
    return np.where(bottom == 0, models[0].astype(real), top / np.where(bottom == 0, 1, bottom))


def atlas(base, models, coefficients, real=np.float32):
    return base.astype(real) + sum(real(c) * delta(m, base, real) for m, c in zip(models, coefficients))


# Published vectors ------------------------------------------------------------------------------------------------------

def vectors():
    f8 = np.float64
    for variant, expected in (
            ("a", [0.5, 0.340217, 0, 0.1875, -0.5625, 0.625, 0.625, -0.625]),
            ("b", [0.5, 0.344257, 0, 0.1875, -0.5625, 0.625, 0.625, -0.625]),
            ("c", [0.5, 0.348287, 0, 0.274823, -0.5625, 0.625, 0.625, 0])):
        yield f"pcb, variant {variant}", pcb(DELTAS, .5, variant, real=f8), expected

    unified, masks = emr_unified(DELTAS)
    yield "emr", unified, [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.875, -0.625]
    parts = [[d[:2], d[2:]] for d in DELTAS]
    for means, expected in ((True, [0.863014, 0.905405, 2.181818]), (False, [0.754386, 1.021739, 2.380952])):
        yield f"emr's factors, means {means}", [emr_factor(parts, task, means) for task in range(3)], expected
    yield "emr's first task", BASE + emr_factor(parts, 0) * masks[0] * unified, \
        [1.431507, -2, 0.5, 3.32363, -0.485445, -0.460616, 2.755137, -1.039384]

    matrices = [x.reshape(2, 4) for x in (BASE, *MODELS[:2])]
    yield "widen", widen(matrices[0], matrices[1:], f8).ravel(), \
        [1.594831, -1.672193, 0, 3.23818, -0.25, -0.351404, 3.391578, -0.906088]
    yield "widen of a vector", widen(BASE, MODELS[:2], f8), \
        [1.609456, -1.679728, 0, 3.320272, -0.140544, -0.352314, 3.625, -1.051437]

    yield "varm", varm(BASE, MODELS, f8), \
        [1.08855, -1.792987, 0.495246, 3.13649, -0.282686, -0.771444, 2.137579, -0.524118]
    rws = signature(BASE, *MODELS[:2])
    yield "robust weight signature", rws, [0.036301, 0.428425, -0.5, -0.285274, 0.106849, 0.598288, 0.554452, 0.454623]
    yield "a model patched by it", MODELS[0] + .5 * rws, \
        [1.518151, -1.910788, 0.25, 3.232363, -0.196575, -0.638356, 3.027226, -0.897688]

    yield "hi-merging", hi_merging(BASE, MODELS[:2], [1, 1], .5, .9, real=f8), \
        [1.45, -1.6625, 0.05, 3.3375, 0, -0.4375, 2.73125, -1.0625]
    yield "evo-merging", BASE + .8 * evo(DELTAS[0], .5) - .4 * evo(DELTAS[1], .75), \
        [1.3, -2.15, 0.7, 3.3, 0, -1.25, 2.25, -1.075]
    a = .8 * evo(np.array([.5, -.125, .25, 0]), .5) - .4 * evo(np.array([-.25, .375, .125, .5]), .75)
    b = .8 * np.array([1, -.5]) - .4 * np.array([.5, .75])
    yield "evo-merging of adapters", np.outer(b, a).ravel(), [0.3, -0.09, 0.12, -0.12, -0.35, 0.105, -0.14, 0.14]
    layers = [[x[:4], x[4:]] for x in (BASE, *MODELS)]
    yield "lwptv", np.concatenate(lwptv(layers[0], layers[1:], .5, .4)), [1, -2, 0.5, 3, -0.325, -0.725, 2.25, -0.575]
    yield "ties with a slack variable", ties_slack(DELTAS, [1, 1, 1], .5, 2, .5, .25), \
        [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.45, -0.625]

    information = [np.array([4, 1, 0, 1e-8, 2, .5, 0, 3]), np.array([1, 1, 0, 2, 0, .5, 1e-9, 1])]
    for title, settings, expected in (
            ("favoured", {}, [1.41549, -1.789331, 0.5, 2.875, -0.25, -0.559872, 2.750255, -0.795877]),
            ("all alike", {"favor": False},
             [1.41549, -1.789331, 0.164331, 2.875, -0.25, -0.559872, 2.833917, -0.795877]),
            ("mergelm", {"variant": "mergelm"},
             [1.41549, -1.789331, 0.164331, 2.875, -0.25, -0.559872, 2.833945, -0.795877])):
        yield f"fisher, {title}", fisher(MODELS[:2], information, [.5, .5], real=f8, **settings), expected
    halves = [[x[:4], x[4:]] for x in (BASE, *MODELS[:2])]
    yield "atlas", np.concatenate(
        [atlas(b, m, c, f8) for b, *m, c in zip(*halves, ([.5, -.2], [.1, .9]))]), \
        [1.2, -2.1375, 0.6, 3.2125, -0.025, -0.43125, 2.8625, -0.39375]
