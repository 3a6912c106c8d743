// A frame folds, and the picture draws together: what stays keeps its size and its order from left to right and from top
// to bottom; only room that nobody needs any more is left out, along each axis by itself: a map of old places to new.
$frames = () => {
  $around = {}; $heads = $all('.title,.caption'); $size = [W, H];
  $each([...$heads, ...F, ...$all('.view text')], $box);
  $each([...P, ...F], g => $around[g.$of || g.id] = g.$in = g.dataset.in?.split(' ').map(i => s.getElementById(i)));
  $each([...E, ...F], g => { g.$words = [...g.querySelectorAll('text')]; g.$d = g.$line.getAttribute('d') });
  $each(F, f => {
    const [t] = f.$words;
    f.$need = [1.1 * t.$half[0] + 25, 22]; $put(f, {tabindex: 0, role: 'button'}); $shut(f);
    // All moves to its new place, but the title, which stays where it was seen.
    f.$turn = () => {
      const [a, b] = t.$now;
      $shut(f, !f.$shut); $layout(); $map && $survey(); $fit();
      if ($moved) $pan((a - t.$now[0]) * k, (b - t.$now[1]) * k)
    }
  })
},
$outer = q => q?.find(f => f.$shut),
$layout = () => {
  // Along each axis, what keeps its room, or needs so many times as much.
  const $hard = [[], []],
  $keep = (p, r, f = 1, m = 2) => $each($hard, (q, i) => { for (let a = p[i] - r[i] - m | 0; a <= p[i] + r[i] + m; a++) q[a] = max(q[a] || 1, f) });
  $each([...P, ...F], g => {
    const b = g.$words?.[0] || g;
    g.$dots = []; $set(g, 'in', g.$hid = $outer(g.$in)) || $keep(b.$mid, b.$half, 1, 12)
  });
  $each(E, g => {
    const [a, b] = g.$ends.map(v => $outer($around[v])), $path = [],
    // How deep in the frame is what reaches by r around p?
    $depth = (f, p, r = [0, 0]) => f ? p.map((v, i) => f.$half[i] + r[i] - abs(v - f.$mid[i])) : [-1],
    $inside = p => [a, b].some(f => min(...$depth(f, p)) > 0);
    $put(g.$line, {d: g.$d}); g.$tip = b ? 8 : 0; g.$in = $around[g.$ends[0]];
    // Of an arrow into a closed frame, or out of one, what lies outside is drawn, without room for its head.
    if (a !== b) for (let i = g.$line.getTotalLength(); i > 0; i -= 2) { const q = g.$line.getPointAtLength(i); $path.unshift([q.x, q.y]) }
    const r = g.$cut = (a || b) && $path.filter(p => !$inside(p));
    if ($set(g, 'in', r && !r[0])) return;
    if (r) $each([[a, r[0]], [b, r.at(-1)]], ([f, p]) => { $keep(p, [7, 7]); f?.$dots.push(p) });
    // A name that stood inside comes out: to the middle of what is drawn, as far from the line as it was, with room along it, and
    // beside the frame.
    $each(g.$words, t => {
      let m = [...t.$mid];
      if ($inside(m)) {
        const q = $path.reduce((a, b) => $far(a, m) < $far(b, m) ? a : b);
        $each(r, p => $keep(p, [0, 0], (t.$half[0] + 4) / r.length));
        m = m.map((v, i) => v + r[r.length >> 1][i] - q[i])
      }
      $each([a, b], f => {
        const q = $depth(f, m, t.$half), d = min(...q), i = q.indexOf(d);
        if (d > 0) m[i] += m[i] < f.$mid[i] ? -d : d
      });
      $keep(t.$at = m, t.$half)
    })
  });
  const $sums = $hard.map((q, k) => {
    const $rate = [], $sum = [0];
    $each(F, f => {
      if (!f.$shut || f.$hid) return;
      let $free = 0, $need = 2 * f.$need[k], a = f.$mid[k] - f.$half[k] | 0, b = f.$mid[k] + f.$half[k], i;
      for (i = a; i < b; i++) q[i] ? $need -= q[i] : $free++;
      for (i = a; i < b; i++) $rate[i] = max($rate[i] || 0, $need / $free)
    });
    for (let i = 0; i <= $size[k]; i++) $sum.push($sum[i] + (q[i] ?? $rate[i] ?? 1));
    return $sum
  }),
  $into = p => p.map((v, i) => { const q = $sums[i], k = min(v, $size[i]) | 0; return q[k] + (v - k) * (q[k + 1] - q[k]) }),
  $move = (g, q) => { g.$now = q ||= $into(g.$at || g.$mid); $put(g, {transform: 'translate(' + q.map((v, i) => v - g.$mid[i]) + ')'}) },
  $trace = (g, o) => { $put(g.$line, o); $put(g.$twin, o) };
  [W, H] = $into($size);
  $each($heads, g => { W = max(W, 2 * g.$half[0] + 20); $move(g, [W / 2, $into(g.$mid)[1]]) });
  $each(P, g => $move(g));
  $each(F, f => {
    const [p, q] = [-1, 1].map(t => $into(f.$mid.map((v, i) => v + t * f.$half[i]))), [t] = f.$words;
    // Closed, it is as large as its title and the arrows that end at it.
    if (f.$dots[0]) $each(f.$need, (r, i) => {
      const m = f.$dots.map(p => $into(p)[i]), a = min(...m) - 14, b = max(...m) + 14, v = max(p[i] + r, min(q[i] - r, (a + b) / 2));
      p[i] = max(p[i], min(a, v - r)); q[i] = min(q[i], max(b, v + r))
    });
    f.$now = p.map((v, i) => (v + q[i]) / 2);
    $trace(f, {x: p[0], y: p[1], width: q[0] - p[0], height: q[1] - p[1]}); $move(t, f.$shut && f.$now)
  });
  $each(E, g => {
    const q = g.$cut?.map($into);
    g.$now = $into(g.$mid); $each(g.$words, t => $move(t));
    $trace(g, {d: q?.[0] ? 'M' + q.filter(p => $far(p, q.at(-1)) >= g.$tip) : g.$d.replace(/[\d.]+,[\d.]+/g, p => $into(p.split(',')))})
  })
},
$shut = (f, q) => { $set(f, 'closed', f.$shut = q); $put(f, {'aria-expanded': !q}) },
