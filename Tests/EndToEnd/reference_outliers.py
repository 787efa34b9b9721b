"""The slow reference, continued: methods that drop by rank, cut off outliers, copy what stands out, or keep what is pruned.

Their published vectors are checked by `python reference.py --self-check`.
"""
import numpy as np

from reference import BASE, MODELS, combine, count, delta, uniform


def order(values):
    """Places of elements by magnitude, ascending; of equal ones the first comes first."""
    return np.argsort(np.abs(values.ravel()), kind="stable")


def matched(kept, whole):
    """What is kept, scaled to the norm of the whole."""
    before, after = (float(np.abs(v).sum(dtype=np.float64)) for v in (whole, kept))
    return kept if before < 1e-7 or after < 1e-7 else kept * kept.dtype.type(before / after)


def ranks(values, axis=None):
    """Each element's place among the magnitudes along an axis, or of all."""
    if axis is None:
        return np.argsort(order(values), kind="stable").reshape(values.shape)
    return np.argsort(np.argsort(np.abs(values), axis=axis, kind="stable"), axis=axis, kind="stable")


def chances(values, density, epsilon, scope="row"):
    """DELLA's probabilities."""
    axis = min(1, values.ndim - 1) if scope == "row" else None
    length = values.size if axis is None else values.shape[axis]
    place = ranks(values, axis) / (length - 1) if length > 1 else np.full(values.shape, .5)
    return place * (2 * epsilon) + (density - epsilon)


def della(base, models, weights, density, seed, name, epsilon=.15, elect="sum", lam=1.0, normalize=True, rule="inverse_probability",
          scope="row", real=np.float32):
    deltas = []
    for number, model in enumerate(models):
        change = delta(model, base, real)
        if change.ndim and density < 1:
            p = chances(change, density, epsilon, scope)
            kept = np.where(uniform(seed, name, number, change.size).reshape(change.shape) < p, change, real(0))
            change = matched(kept, change) if rule == "l1" else (kept / p).astype(real)
        deltas.append(change)
    return combine(base, deltas, weights, lam, normalize, elect, real)


def crumbs(change, density, gamma, variant="mergekit"):
    """What breadcrumbs leave of a task vector."""
    if variant == "original":
        length = change.shape[-1]
        top, kept = count(gamma, length), count(density, length)
        place = ranks(change, -1)
        return np.where((place < length - top) & (place >= length - top - kept), change, 0).astype(change.dtype)
    n = change.size
    top = count(gamma, n)
    bottom = n - count(density, n) - top
    top, bottom = top + min(0, bottom), max(0, bottom)
    result = np.zeros(n, change.dtype)
    kept = order(change)[bottom:n - top]
    result[kept] = change.ravel()[kept]
    return result.reshape(change.shape)


def breadcrumbs(base, models, weights, density, gamma, elect=None, lam=1.0, normalize=False, variant="mergekit", real=np.float32):
    deltas = [delta(m, base, real) for m in models]
    deltas = [crumbs(d, density, gamma, variant) if d.ndim and (density < 1 or variant == "original") else d for d in deltas]
    return combine(base, deltas, weights, lam, normalize, elect, real)


def arcee_scores(base, model, real=np.float32):
    """How much each element's change stands out, its row's divergence counted in."""
    def softmax(x):
        power = np.exp(x.astype(np.float64) - x.max(axis=-1, keepdims=True))
        return power / power.sum(axis=-1, keepdims=True) + 1e-8

    p, q = softmax(model), softmax(base)
    return np.abs(delta(model, base, real)) * (p * np.log(p / q)).sum(axis=-1, keepdims=True)


def arcee_fusion(base, model, factor=1.5, real=np.float32):
    scores = arcee_scores(base, model, real)
    ordered = np.sort(scores, axis=None)
    low, middle, high = (ordered[int(x * (ordered.size - 1))] for x in (.25, .5, .75))
    return np.where(scores >= middle + factor * (high - low), model, base).astype(real)


def sparse_soup(models, mask, weights, real=np.float32):
    total = sum(weights)
    return np.where(mask != 0, sum(real(w / total) * m.astype(real) for w, m in zip(weights, models)), real(0))


def vectors():
    f8, ones = np.float64, [1, 1, 1]
    first = MODELS[0] - BASE
    yield "della, p of a vector", chances(first, .5, .15), [
        0.564286, 0.435714, 0.35, 0.521429, 0.478571, 0.392857, 0.65, 0.607143]
    yield "della, p of rows", chances(first.reshape(2, 4), .5, .15).ravel(), [0.65, 0.45, 0.35, 0.55, 0.45, 0.35, 0.65, 0.55]
    for model, expected in enumerate(([1, 0, 0, 1, 1, 1, 1, 0], [1, 0, 0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 1, 0, 1, 1])):
        yield f"della, mask of model {model}", uniform(42, "w", model, 8) < chances(MODELS[model] - BASE, .5, .15), expected
    for title, settings, expected in (
            ("1/p", {}, [1.704232, -1.347015, 1.275316, 3.598225, -0.724429, -0.840909, 3.25, 0.07377]),
            ("l1", {"rule": "l1"}, [1.640524, -1.644886, 0.997159, 3.366615, -0.492989, -0.913306, 3.548286, -0.215909]),
            ("linear", {"elect": None, "normalize": False, "lam": .5},
             [1.704232, -1.673507, 0.887658, 3.439134, -0.724429, -0.920455, 2.480769, -0.213115])):
        yield f"della, {title}", della(BASE, MODELS, ones, .5, 42, "w", real=f8, **settings), expected
    yield "breadcrumbs", crumbs(first, .5, .25), [0.5, -0.125, 0, 0.375, -0.25, 0, 0, 0]
    yield "breadcrumbs without an outlier", crumbs(first, .5, .1), [0.5, 0, 0, 0.375, 0, 0, 0.75, -0.625]
    yield "breadcrumbs, more outliers than dropped", crumbs(first, .25, .9), [0, 0, 0, 0, 0, 0.0625, 0, 0]
    yield "breadcrumbs of rows", crumbs(first.reshape(2, 4), .5, .25, "original").ravel(), [0, -0.125, 0, 0.375, -0.25, 0, 0, -0.625]
    yield "breadcrumbs of three", breadcrumbs(BASE, MODELS, ones, .5, .25, lam=.4, real=f8), [
        1.15, -1.775, 0.475, 3.15, -0.1, -1, 2, -0.325]
    yield "breadcrumbs of three, elected", breadcrumbs(BASE, MODELS, ones, .5, .25, "sum", lam=.4, real=f8), [
        1.3, -1.725, 0.3, 3.15, -0.1, -1, 2, -0.325]
    rows = [v.reshape(2, 4) for v in (BASE, MODELS[0])]
    yield "arcee's scores", arcee_scores(*rows, real=f8).ravel(), [
        0.00256489, 0.00064122, 0, 0.00192367, 0.01458355, 0.00364589, 0.04375064, 0.03645886]
    yield "arcee fusion of rows", arcee_fusion(*rows, real=f8).ravel(), [1, -2, 0.5, 3, 0, -1, 2.75, -1.125]
    yield "arcee fusion of a vector", arcee_fusion(BASE, MODELS[0], real=f8), BASE
    yield "sparse soup", sparse_soup(MODELS, np.array([1, 0, 1, 1, 0, 1, 1, 0]), ones, f8), [
        1.125, 0, 0.479167, 3.145833, 0, -0.770833, 2.208333, 0]
