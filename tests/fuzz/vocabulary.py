"""The lines that programs are made of: one template for each, with places for operands and arguments in braces.

An operand is a kind and a shape, ``{f:q}``. Kinds: f floating point, x any dtype, i integers, b truth values, u
between -1 and 1, p positive, w what was computed and is written to. Shapes: nothing (any), a number of axes, + (one
axis or more), m (two or more), q (square), = (that of the first operand), ^ (broadcasts with it), - (broadcasts into
it), @ (may stand on the right of its product), (2, 3) that one. ``{0}`` names the first operand again.

Arguments: d and e two axes, ds several, k a truth value, n a number, r a small one that counts, s a length, index,
value (what is written to such an index), shape, perm, sizes, c classes, g positions along the axis d.
"""

from __future__ import annotations

import re

UNARY = """abs neg exp exp2 expm1 erf erfc sigmoid relu sin cos tan sinh cosh tanh asinh atan square reciprocal
    sign floor ceil round trunc frac deg2rad rad2deg sqrt rsqrt log log2 log10 log1p isnan isinf isfinite
    logical_not signbit positive nan_to_num isposinf isneginf"""
UNIT = "acos asin atanh erfinv logit"
BINARY = """add sub mul div true_divide floor_divide remainder fmod atan2 hypot logaddexp logaddexp2 maximum minimum
    fmax fmin copysign xlogy eq ne lt le gt ge logical_and logical_or logical_xor isclose pow float_power
    heaviside rsub"""
OPERATORS = "+ - * / // % ** < > == !="
REDUCTIONS = "sum mean prod amax amin all any nansum nanmean logsumexp count_nonzero"
ALONG = "cumsum cumprod logcumsumexp softmax log_softmax argmax argmin sort argsort diff"
ACTIVATIONS = """relu relu6 elu selu celu gelu silu mish softplus softsign tanhshrink hardtanh hardsigmoid hardswish
    hardshrink softshrink leaky_relu logsigmoid"""
PAIR_LOSSES = "mse_loss l1_loss smooth_l1_loss huber_loss  poisson_nll_loss hinge_embedding_loss"
IN_PLACE = "exp sin tanh neg abs relu sqrt square reciprocal sigmoid floor zero log cos"

ELEMENTWISE = [
    *(f"xp.{name}({{x}})" for name in UNARY.split()),
    *(f"xp.{name}({{u}})" for name in UNIT.split()),
    "xp.acosh({p} + 1)",
    "xp.log({p})",
    "xp.sqrt({p})",
    "xp.logit({u}, eps=0.1)",
    "xp.clamp({x}, {n}, 1)",
    "xp.clamp({f}, min={n})",
    "xp.clamp({f}, max={n})",
    "xp.clamp({f}, {f:^}, {f:^})",
    "xp.nan_to_num({f}, nan=1.0, posinf=2.0, neginf=-2.0)",
    "xp.round({f}, decimals=1)",
    *(f"xp.{name}({{x}}, {{x:^}})" for name in BINARY.split()),
    *(f"{name} :: {{x}} {name} {{x:^}}" for name in OPERATORS.split()),
    *(f"{name} :: {{x}} {name} {{n}}" for name in OPERATORS.split()),
    *(f"{name} :: {{n}} {name} {{x}}" for name in ["-", "*", "/", "**"]),
    "xp.pow({p}, {f:^})",
    "xp.pow({f}, {r})",
    "xp.div({x}, {x:^}, rounding_mode='floor')",
    "xp.div({x}, {x:^}, rounding_mode='trunc')",
    "xp.add({x}, {x:^}, alpha={r})",
    "xp.lerp({f}, {0}, {n})",
    "xp.lerp({f}, {f:^}, 0.25)",
    "xp.addcmul({f}, {f:^}, {f:^}, value=0.5)",
    "xp.addcdiv({f}, {f:^}, {f:^}, value=2)",
    "xp.bitwise_and({i}, {i:^})",
    "xp.bitwise_or({b}, {b:^})",
    "xp.bitwise_xor({i}, {r})",
    "xp.bitwise_not({i})",
]

CHOICES = [
    "xp.where({f} > 0, {0}, {f:^})",
    "xp.where({f} > 0, xp.sqrt({0}), 0.0)",
    "xp.where({f} > 0, xp.log({0}), {f:^})",
    "xp.where({f} != 0, 1 / {0}, {0})",
    "xp.where({b}, {x:^}, {x:^})",
    "xp.where({b}, {f:^}, {n})",
    "masked_fill :: {f}.masked_fill({0} > {n}, {n})",
    "masked_fill :: {f}.masked_fill({b:-}, {n})",
    "xp.masked_select({f}, {b:-})",
    "xp.relu(xp.log({f}))",
    "xp.maximum(xp.sqrt({f}), {f:^})",
    "xp.clamp(xp.log({f}), -1.0, 1.0)",
]

REDUCING = [
    *(f"xp.{name}({{x}})" for name in REDUCTIONS.split() if name != "logsumexp"),
    *(f"xp.{name}({{x:+}}, {{d}})" for name in REDUCTIONS.split()),
    *(f"xp.{name}({{f:+}}, dim={{d}}, keepdim={{k}})" for name in REDUCTIONS.split() if name != "count_nonzero"),
    *(
        f"xp.{name}({{f:m}}, dim={{ds}})"
        for name in ["sum", "mean", "amax", "amin", "logsumexp", "nansum", "nanmean", "all", "any"]
    ),
    *(f"xp.{name}({{f:m}}, dim={{ds}}, correction={{r}})" for name in ["var", "std"]),
    *(f"xp.{name}({{f:+}}, {{d}}, keepdim={{k}})" for name in ["var", "std"]),
    *(f"xp.{name}({{f}})" for name in ["var", "std", "max", "min", "median"]),
    *(f"xp.{name}({{f:+}}, dim={{d}}, keepdim={{k}})[0]" for name in ["max", "min", "median", "mode"]),
    *(f"xp.{name}({{f:+}}, {{d}})[0]" for name in ["cummax", "cummin"]),
    *(
        f"xp.{name}({{f:+}}, dim={{d}}){part}"
        for name in ALONG.split()
        for part in (["[0]"] if name == "sort" else [""])
    ),
    "xp.cumsum({i:+}, {d})",
    "xp.softmax({f:+}, {d}, dtype=xp.float64)",
    "xp.sum({x:+}, {d}, dtype=xp.float32)",
    "xp.mean({x}, dtype=xp.float64)",
    "xp.max({f}, {f:^})",
    "xp.sort({f:+}, descending=True)[0]",
    "xp.topk({f:+}, 1, dim={d})[0]",
    "xp.topk({f:+}, 2, largest=False)[0]",
    "xp.kthvalue({f:+}, 1, dim={d})[0]",
    "xp.quantile({f:+}, 0.3, dim={d})",
    "xp.nanmedian({f})",
    "xp.aminmax({f})",
    "xp.var_mean({f:+}, {d})",
    "xp.unique({x})",
    "xp.bincount({c})",
    "xp.norm({f})",
    *(
        f"xp.linalg.vector_norm({{f:+}}, {p}, dim={{d}})"
        for p in ("0", "1", "2", "3", "0.5", "float('inf')", "-float('inf')")
    ),
    "xp.trace({f:2})",
    "xp.dist({f}, {f:^}, {s})",
]

PRODUCTS = [
    "@ :: {f:+} @ {f:@}",
    "xp.matmul({f:m}, {f:@})",
    "xp.mm({f:(2, 3)}, {f:(3, 2)})",
    "xp.mv({f:(3, 2)}, {f:(2,)})",
    "xp.dot({f:1}, {f:=})",
    "xp.outer({f:1}, {f:1})",
    "xp.inner({f:+}, {f:=})",
    "xp.addmm({f:(2,)}, {f:(3, 2)}, {f:(2, 2)}, beta={n})",
    "xp.bmm({f:(2, 2, 3)}, {f:(2, 3, 2)})",
    "xp.kron({f}, {f})",
    "xp.cross({f:(2, 3)}, {f:=})",
    "xp.tensordot({f:2}, {f:=}, 2)",
    "xp.cdist({f:(3, 2)}, {f:(2, 2)})",
    "xp.einsum('ij,kj->ik', {f:2}, {f:=})",
    "xp.einsum('i,j->ij', {f:1}, {f:1})",
    "xp.einsum('ii->i', {f:q})",
    "xp.einsum('...i,...i->...', {f:+}, {f:=})",
    "xp.einsum('ij->j', {f:2})",
    "xp.einsum('ij,jk', {f:(2, 3)}, {f:(3, 2)})",
]

MATRICES = [
    "xp.linalg.det({f:q})",
    "xp.linalg.inv({f:q})",
    "xp.linalg.slogdet({f:q})",
    "xp.logdet({f:q})",
    "xp.linalg.solve({f:q}, {f:=})",
    "xp.linalg.eigvalsh({f:q} + {0}.mT)",
    "eigh :: xp.linalg.eigh({f:q} + {0}.mT)[1].abs()",
    "xp.linalg.svdvals({f:m})",
    "svd :: (lambda u, s, v: (u * s) @ v)(*xp.linalg.svd({f:m}, full_matrices=False))",
    "qr :: (lambda q, r: q @ r)(*xp.linalg.qr({f:m}))",
    "qr :: xp.linalg.qr({f:q})[1].abs()",
    "xp.linalg.cholesky({f:q} @ {0}.mT + 0.5 * xp.ones_like({0}).tril().triu())",
    "xp.linalg.pinv({f:m})",
    "xp.linalg.matrix_norm({f:m})",
    "xp.linalg.matrix_norm({f:m}, 2)",
    "xp.linalg.matrix_norm({f:m}, 'nuc')",
    "xp.linalg.matrix_power({f:q}, {r})",
    "xp.linalg.solve_triangular({f:q}, {f:=}, upper=True)",
    "xp.linalg.cond({f:q})",
    "xp.linalg.norm({f:m}, 1, dim=(-2, -1))",
]

VIEWS = [
    "index :: {x:+}[{index}]",
    "index :: {f:+}[{index}]",
    "{x}.reshape({shape})",
    "{f}.view({shape})",
    "{f:+}.T",
    "transpose :: {f:m}.transpose({d}, {e})",
    "permute :: {f:m}.permute({perm})",
    "expand :: {f}.expand(2, *{0}.shape)",
    "expand :: {f:(2, 1)}.expand(-1, 3)",
    "diagonal :: {f:m}.diagonal()",
    "diagonal :: xp.diagonal({f:m}, {n0}, 0, 1)",
    "unfold :: {f:+}.unfold({d}, {s}, {s})",
    "unsqueeze :: {x}.unsqueeze(-1)",
    "squeeze :: {f}.squeeze()",
    "flatten :: {f}.flatten()",
    "movedim :: {f:m}.movedim(0, -1)",
    "narrow :: {f:+}.narrow({d}, 0, 1)",
    "select :: {f:+}.select({d}, -1)",
    "swapaxes :: {f:m}.swapaxes(0, -1)",
    "mT :: {f:m}.mT",
    "detach :: {f}.detach()",
    "split :: {f:+}.split(1, {d})[0]",
    "chunk :: {f:+}.chunk(2, {d})[-1]",
    "unbind :: {f:+}.unbind({d})[0]",
    "tensor_split :: {f:+}.tensor_split(2, {d})[0]",
]

COPIES = [
    "clone :: {x}.clone()",
    "contiguous :: {f:m}.mT.contiguous()",
    *(f"{name} :: {{x}}.{name}()" for name in ("double", "float", "half", "long", "bool", "int")),
    "xp.cat([{x:+}, {x:=}], {d})",
    "xp.stack([{x}, {x:=}], 0)",
    "xp.hstack([{f:+}, {f:=}])",
    "xp.vstack([{f}, {f:=}])",
    "xp.block_diag({f:2}, {f:1})",
    "xp.flip({f:+}, ({d},))",
    "xp.roll({f:+}, {r}, {d})",
    "xp.rot90({f:m}, {r}, (0, 1))",
    "repeat :: {f}.repeat(2, *[1 for _ in {0}.shape])",
    "xp.tile({f}, (2,))",
    "xp.repeat_interleave({f:+}, {r}, dim={d})",
    "xp.diag({f:1}, {n0})",
    "xp.diag({f:2}, {n0})",
    "xp.diag_embed({f:+})",
    "xp.tril({x:m}, {n0})",
    "xp.triu({f:m}, {n0})",
    "xp.gather({f:+}, {d}, {g})",
    "xp.index_select({f:1}, 0, {gi})",
    "xp.take({f:+}, {gi})",
    "xp.take_along_dim({f:+}, dim={d}, indices={g})",
    "xp.scatter({f:+}, {d}, {g}, {n})",
    "xp.scatter_add({f:+}, {d}, {g}, {0})",
    "xp.index_add({f:1}, 0, {gi}, xp.ones(2, dtype={0}.dtype))",
    "xp.scatter_reduce({f:+}, {d}, {g}, {0}, 'amax')",
    "xp.scatter_reduce({f:+}, {d}, {g}, {0}, 'prod')",
    "xp.index_put({f:1}, ({gi},), xp.ones(2, dtype={0}.dtype))",
    "xp.select_scatter({f:+}, {0}.select({d}, 0), 0, 0)",
    "xp.meshgrid({f:1}, {f:1}, indexing='ij')[0]",
    "xp.cartesian_prod({f:1}, {f:1})",
    "xp.broadcast_to({f}, (2, *{0}.shape))",
    "xp.nonzero({x})",
    "xp.searchsorted(xp.sort({f:1})[0], {f:=})",
    "xp.zeros_like({x})",
    "xp.trapezoid({f:+})",
    "xp.cov({f:2})",
    "F.pad({f:+}, (1, {r}))",
    "F.pad({f:+}, (-1, 1), value=0.5)",
]

NETWORKS = [
    *(f"F.{name}({{f}})" for name in ACTIVATIONS.split()),
    "F.gelu({f}, approximate='tanh')",
    "F.softplus({f}, 2.0, 3.0)",
    "F.threshold({f}, 0.0, 0.5)",
    "F.prelu({f:(2, 3)}, {f:(3,)})",
    "F.glu({f:(3, 4)})",
    "F.softmin({f:+}, {d})",
    *(f"F.{name}({{f}}, {{f:=}}{how})" for name in PAIR_LOSSES.split() for how in ("", ", reduction='sum'")),
    "F.mse_loss({f}, {f:=}, reduction='none')",
    "F.soft_margin_loss({f}, {0}.detach().sign())",
    "F.binary_cross_entropy(xp.sigmoid({f}), xp.sigmoid({f:=}))",
    "F.binary_cross_entropy({p}.clamp(0, 1), ({0} > 1).to({0}.dtype))",
    "F.binary_cross_entropy_with_logits({f}, xp.sigmoid({f:=}))",
    "F.kl_div(F.log_softmax({f:2}, 1), F.softmax({f:=}, 1), reduction='batchmean')",
    "F.cross_entropy({f:(3, 4)}, {c})",
    "F.cross_entropy({f:(2, 3)}, {c}, reduction='none', label_smoothing=0.1)",
    "F.cross_entropy({f:(2, 3)}, F.softmax({f:=}, 1))",
    "F.nll_loss({f:(3, 4)}, {c})",
    "F.multi_margin_loss({f:(3, 4)}, {c})",
    "F.cosine_similarity({f:(2, 3)}, {f:=}, dim=1)",
    "F.pairwise_distance({f:(2, 3)}, {f:=})",
    "F.normalize({f:+}, dim={d})",
    "F.triplet_margin_loss({f:(2, 3)}, {f:=}, {f:=})",
    "F.margin_ranking_loss({f:1}, {f:=}, {f:=}.sign())",
    "F.cosine_embedding_loss({f:(2, 3)}, {f:=}, xp.ones(2, dtype={0}.dtype))",
    "F.gaussian_nll_loss({f}, {f:=}, {f:=} ** 2)",
    "F.linear({f:(2, 3)}, {f:(4, 3)}, {f:(4,)})",
    "F.bilinear({f:(2, 3)}, {f:(2, 2)}, {f:(2, 3, 2)})",
    "F.embedding(xp.tensor([0, 1, 0]), {f:(2, 3)})",
    "F.one_hot({c})",
    "F.layer_norm({f:m}, {0}.shape[-1:])",
    "F.rms_norm({f:m}, {0}.shape[-1:])",
    "F.batch_norm({f:(3, 2)}, None, None, training=True)",
    "F.batch_norm({f:(2, 2, 3)}, None, None, {f:(2,)}, {f:(2,)}, training=True)",
    "F.batch_norm({f:(2, 2, 3)}, {f:(2,)}.detach(), {p:(2,)}.detach())",
    "F.group_norm({f:(2, 4, 2)}, 2)",
    "F.instance_norm({f:(2, 2, 3)})",
    "F.local_response_norm({f:(1, 3, 4)}, 2)",
    "F.conv1d({f:(1, 2, 5)}, {f:(3, 2, 2)}, {f:(3,)}, stride={s}, padding={r})",
    "F.conv2d({f:(1, 2, 4, 4)}, {f:(2, 2, 2, 3)}, padding={r}, dilation=1)",
    "F.conv2d({f:(2, 2, 4, 4)}, {f:(4, 1, 2, 2)}, stride=2, groups=2)",
    "F.conv3d({f:(1, 1, 2, 3, 3)}, {f:(1, 1, 2, 2, 2)})",
    "F.conv_transpose1d({f:(1, 2, 3)}, {f:(2, 2, 2)}, stride={s})",
    "F.conv_transpose2d({f:(1, 2, 2, 2)}, {f:(2, 1, 2, 2)}, stride=2, padding=1)",
    "F.max_pool1d({f:(1, 2, 5)}, 2)",
    "F.max_pool2d({f:(1, 1, 4, 4)}, 2, stride=1)",
    "F.max_pool2d({f:(1, 1, 4, 4)}, 3, stride=2, padding=1)",
    "F.avg_pool1d({f:(1, 2, 5)}, {s})",
    "F.avg_pool2d({f:(1, 2, 4, 4)}, 2, padding=1, count_include_pad={k})",
    "F.adaptive_avg_pool2d({f:(1, 2, 4, 5)}, 2)",
    "F.adaptive_max_pool1d({f:(1, 2, 5)}, 2)",
    "F.interpolate({f:(1, 2, 3)}, scale_factor=2)",
    "F.interpolate({f:(1, 1, 3, 3)}, size=(4, 5), mode='bilinear')",
    "F.unfold({f:(1, 2, 3, 3)}, 2)",
    "F.fold({f:(1, 4, 4)}, (3, 3), 2)",
    "F.pixel_shuffle({f:(1, 4, 2, 2)}, 2)",
    "F.scaled_dot_product_attention({f:(2, 3, 2)}, {f:(2, 3, 2)}, {f:(2, 3, 2)})",
    "F.scaled_dot_product_attention({f:(3, 2)}, {f:(3, 2)}, {f:(3, 2)}, is_causal=True)",
]

WRITES = [
    *(f"{name}_ :: {{w}}.{name}_()" for name in IN_PLACE.split()),
    *(f"{name}= :: {{w}} {name}= {{f:-}}" for name in ["+", "-", "*", "/", "**"]),
    *(f"{name}= :: {{w}} {name}= {{n}}" for name in ["+", "-", "*", "/", "%"]),
    *["setitem :: {w:+}[{index}] = {value}"] * 4,
    "masked_fill_ :: {w}.masked_fill_({0} > 0, {n})",
    "copy_ :: {w}.copy_({x:-})",
    "clamp_ :: {w}.clamp_(-0.5, 0.5)",
    "fill_ :: {w}.fill_({n})",
    "add_ :: {w}.add_({f:-}, alpha=0.5)",
    "mul_ :: {w}.mul_({f:-})",
    "addcmul_ :: {w}.addcmul_({f:-}, {f:-})",
    "index_fill_ :: {w:1}.index_fill_(0, {gi}, {n})",
    "scatter_add_ :: {w:+}.scatter_add_({d}, {g}, {0}.detach().clone())",
    "mul_ of a view :: {w:+}[0].mul_({n})",
    "setitem of a view :: {w:m}.mT[0] = {n}",
    "+= of a diagonal :: {w:m}.diagonal().add_({n})",
    "register_hook :: {w}.register_hook(lambda g: g * 0.5)",
]

GROUPS = [ELEMENTWISE, CHOICES, REDUCING, PRODUCTS, MATRICES, VIEWS, COPIES, NETWORKS, WRITES]
WEIGHTS = [24, 6, 16, 5, 5, 14, 9, 12, 9]

ALIASES = {  # what has its operand's memory, or may have it
    *("index", "reshape", "view", "T", "transpose", "permute", "expand", "diagonal", "unfold", "unsqueeze", "squeeze"),
    *("flatten", "movedim", "narrow", "select", "swapaxes", "mT", "detach", "split", "chunk", "unbind", "tensor_split"),
    *("xp.diagonal", "xp.broadcast_to", "xp.meshgrid", "contiguous", "double", "float", "half", "xp.positive"),
}

_CALLED = re.compile(r"\b(?:xp\.|F\.)(?:linalg\.)?\w+(?=\()|\.(\w+)")


def named(template: str) -> tuple[str, str]:
    """The name of an operation in the table of results, and its text."""
    op, between, text = template.rpartition(" :: ")
    if between:
        return op, text
    found = _CALLED.search(text)
    assert found is not None
    return found[1] or found[0], text
