"""Products of small matrices in C of their own, each for its sizes, where the processor has AVX-512.

The plain form is the call of BLAS, which stands beside it in the file for other processors. OpenBLAS copies what it
multiplies into an order of its own, which for small matrices is a tenth of the time; measured with sizes of the
benchmarks, in microseconds, beside OpenBLAS (which by a transpose takes the time in brackets; `cturned` makes one):

    (128, 784) @ (784, 100): 88 for 100 (116; a transpose is 12)   (128, 100) @ (100, 100): 11.5 for 13.2 (15.7; 1.9)
    (128, 100).T @ (128, 784): 80 for 91                           (512, 128) @ (128, 64): 32 for 38 (41; 1.7)

Six rows by 64 columns of the result stay in registers, while all that is added to them goes by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .cops import Matrix, Product

HEAD = """\
#ifdef __clang__
#define FUSED
#define FUSE _Pragma("clang fp contract(fast)")
#else
#define FUSED __attribute__((optimize("fp-contract=fast")))
#define FUSE
#endif
#define TILE static inline __attribute__((always_inline)) FUSED
typedef float floats1, floats2 __attribute__((vector_size(8), aligned(4)));
typedef float floats4 __attribute__((vector_size(16), aligned(4)));
typedef float floats8 __attribute__((vector_size(32), aligned(4)));
typedef float floats16 __attribute__((vector_size(64), aligned(4)));
"""


def _swaps() -> str:
    """Return the lines that exchange the squares beside the diagonal of sixteen rows: of one number, of two, ..."""
    lines = []
    for w in (1, 2, 4, 8):
        low = ", ".join(str(16 + (place ^ w) if place & w else place) for place in range(16))
        high = ", ".join(str(16 + place if place & w else place ^ w) for place in range(16))
        lines += [
            f"      for (int r = 0; r < 16; r++) if (!(r & {w})) {{",
            f"        const line up = x[r], down = x[r + {w}];",
            f"        x[r] = __builtin_shuffle(up, down, (places){{{low}}});",
            f"        x[r + {w}] = __builtin_shuffle(up, down, (places){{{high}}});",
            "      }",
        ]
    return "\n".join(lines)


TURN = f"""\
typedef float line __attribute__((vector_size(64), aligned(4)));
typedef int32_t places __attribute__((vector_size(64)));
KERNEL void turn(int64_t m, int64_t n, const float *restrict a, int64_t below, float *restrict t, int64_t across) {{
  int64_t i = 0, j = 0;
#if defined __GNUC__ && !defined __clang__
  for (; j + 16 <= n; j += 16)
    for (i = 0; i + 16 <= m; i += 16) {{
      line x[16];
      for (int r = 0; r < 16; r++) x[r] = *(const line *)(a + (i + r) * below + j);
{_swaps()}
      for (int r = 0; r < 16; r++) *(line *)(t + (j + r) * across + i) = x[r];
    }}
#endif
  for (int64_t q = 0; q < j; q++)
    for (int64_t r = i; r < m; r++) t[q * across + r] = a[r * below + q];
  for (; j < n; j++)
    for (int64_t r = 0; r < m; r++) t[j * across + r] = a[r * below + j];
}}
"""
"""What copies a transpose, sixteen rows and columns at a time.

The plain form is its last loop. For 100 x 784 numbers it takes 6 microseconds, and the loop 26.
"""
ROWS, COLUMNS = 6, 64
FEWEST = 64
"""Columns of a product: with fewer, the sums do not fill the registers."""
MOST, LONGEST = 1 << 17, 1024
"""Elements of the first matrix, and length of the sums: they stay in the cache from 64 columns to the next."""

Widths = tuple[int, ...]


def is_own(a: Matrix, b: Matrix) -> bool:
    """Return whether the product of two matrices, the second as it stands, has a form of its own."""
    (m, k), n = a.shape, b.shape[1]
    sizes = n >= FEWEST and m >= ROWS and 1 < k <= LONGEST and m * k <= MOST
    return sizes and not a.batch and a.access.dtype == "f4"


def body(op: Product, helpers: dict[str, str]) -> str:
    """Return the body of the function of a product, and add what it calls to `helpers`.

    Its parameters are the pointers `a`, `b` and `c`, to the first elements of the matrices.
    """
    (m, k), n = op.a.shape, op.b.shape[1]
    down, along = (1, op.a.distance) if op.a.transposed else (op.a.distance, 1)
    lines = ["  FUSE"]
    for start in range(0, n, COLUMNS):
        widths = _widths(min(COLUMNS, n - start))
        for row, rows, end in _bands(m):
            name = f"tile{rows}_{'_'.join(map(str, widths))}"
            helpers.setdefault(name, _tile(name, rows, widths))
            lines.append(
                f"  for (int64_t i = {row}; i < {end}; i += {rows}) {name}({k}, a + i * {down}, {down}, {along}, "
                f"b + {start}, {op.b.distance}, c + i * {op.out.distance} + {start}, {op.out.distance});"
            )
    return "\n".join(lines)


def _widths(n: int) -> Widths:
    """Return the vectors that a row of n numbers is.

    >>> _widths(36)
    (16, 16, 4)
    """
    return (*[16] * (n // 16), *(w for w in (8, 4, 2, 1) if n & w))


def _bands(m: int) -> Iterator[tuple[int, int, int]]:
    """Yield where some rows begin, how many are computed at once, and where they end.

    >>> list(_bands(100))
    [(0, 6, 96), (96, 4, 100)]
    """
    start = 0
    for rows in (ROWS, 4, 2, 1):
        end = m - (m - start) % rows
        if end > start:
            yield start, rows, end
        start = end


def _tile(name: str, rows: int, widths: Sequence[int]) -> str:
    """Return the function that computes some rows of some columns of a product."""
    starts = [sum(widths[:j]) for j in range(len(widths))]
    sums = [f"  floats{w} {', '.join(f's{i}_{j} = {{0}}' for i in range(rows))};" for j, w in enumerate(widths)]
    loads = [f"    const floats{w} b{j} = *(const floats{w} *)(b + p * across + {at});"
             for j, (w, at) in enumerate(zip(widths, starts, strict=True))]  # fmt: skip
    adds = []
    for i in range(rows):
        terms = " ".join(f"s{i}_{j} = s{i}_{j} + x * b{j};" for j in range(len(widths)))
        adds.append(f"    {{ const float x = a[{i} * down + p * along]; {terms} }}")
    stores = [f"  *(floats{w} *)(c + {i} * below + {at}) = s{i}_{j};"
              for i in range(rows) for j, (w, at) in enumerate(zip(widths, starts, strict=True))]  # fmt: skip
    parameters = (
        "int64_t k, const float *restrict a, int64_t down, int64_t along, const float *restrict b, int64_t across"
    )
    head = f"TILE void {name}({parameters}, float *restrict c, int64_t below) {{"
    loop = "  for (int64_t p = 0; p < k; p++) {"
    return "\n".join([head, "  FUSE", *sums, loop, *loads, *adds, "  }", *stores, "}\n"])
