// A frame folds, and the picture draws together: what stays keeps its size and its order from left to right and from top
// to bottom; only room that nobody needs any more is left out, along each axis by itself: a map of old places to new.
$frames = () => {
  $around = {};
  $each([...P, ...F], g => $around[g.$of || g.id] = g.$in = g.dataset.in?.split(' ').map(i => F.find(f => f.id === i)) || []);
  $each(E, g => { const [a, b] = g.$ends; g.$in = $around[a]?.filter(f => $around[b]?.includes(f)) || [] });
  $each(F, g => { g.$need = [2.3 * g.$words[0].$half[0] + 50, 44]; $put(g, {tabindex: 0, role: 'button', 'aria-expanded': true}) })
},
$inside = (f, p, m) => f && p.every((v, i) => abs(v - f.$mid[i]) < f.$half[i] + m), $outer = q => q?.find(f => f.$shut),
$layout = () => {
  const $solid = [[], []], $closed = F.filter(f => (f.$dots = []) && f.$shut && !$outer(f.$in)),
  $keep = (g, m) => $each($solid, (q, i) => q.push([g.$mid[i] - g.$half[i] - m, g.$mid[i] + g.$half[i] + m]));
  $each([...A, ...F], g => { const b = g.$words?.[0] || g; $set(g, 'in', $outer(g.$in)) || g.$ends || $keep(b, 12) });
  // Of an arrow into a closed frame, or out of one, what lies outside is drawn.
  $each(E, g => {
    const [a, b] = g.$ends.map(v => $outer($around[v])), $point = l => { const q = g.$line.getPointAtLength(l); return [q.x, q.y] };
    $put(g.$line, {d: g.$d}); g.$cut = 0;
    if ($is(g, '.in')) return;
    if (a || b) {
      let i = 0, j = g.$line.getTotalLength(), l;
      while (i < j && $inside(a, $point(i), 0)) i++;
      while (i < j && $inside(b, $point(j), 8)) j--;
      for (g.$cut = [], l = i; l < j; l += 4) g.$cut.push($point(l));
      g.$cut.push($point(j)); $each([[a, i], [b, j]], ([f, l]) => { const m = $point(l); $keep({$mid: m, $half: [9, 9]}, 0); f?.$dots.push(m) })
    }
    $each(g.$words, t => $set(t, 'in', $inside(a, t.$mid, 0) || $inside(b, t.$mid, 0)) || $keep(t, 2))
  });
  const $maps = $solid.map((q, j) => {
    const $hard = [], $rate = [], $sum = [0];
    $each(q, ([a, b]) => { for (a |= 0; a <= b; a++) $hard[a] = 1 });
    $each($closed, f => {
      let $room = 0, $need = f.$need[j], a = f.$mid[j] - f.$half[j] | 0, b = f.$mid[j] + f.$half[j], i;
      for (i = a; i < b; i++) $hard[i] ? $need-- : $room++;
      for (i = a; i < b; i++) $rate[i] = max($rate[i] || 0, min(1, $need / $room))
    });
    for (let i = 0; i <= $size[j]; i++) $sum.push($sum[i] + ($hard[i] ? 1 : $rate[i] ?? 1));
    return v => { const i = min(v, $size[j]) | 0; return $sum[i] + (v - i) * ($sum[i + 1] - $sum[i]) }
  }),
  $into = p => p.map((v, i) => $maps[i](v)),
  $move = (g, q) => { q = g.$now = q || $into(g.$mid); $put(g, {transform: `translate(${q[0] - g.$mid[0]},${q[1] - g.$mid[1]})`}) },
  $trace = (g, o) => { $put(g.$line, o); $put(g.$twin, o) };
  [W, H] = $into($size);
  $each($heads, g => { W = max(W, 2 * g.$half[0] + 20); $move(g, [W / 2, $into(g.$mid)[1]]) });
  $each(P, g => $move(g));
  $each(F, f => {
    const [p, q] = [-1, 1].map(t => $into(f.$mid.map((v, i) => v + t * f.$half[i]))), t = f.$words[0];
    // Closed, it is as large as its title and the arrows that end at it.
    if (f.$dots[0]) $each(f.$need, (r, i) => {
      r /= 2;
      const d = f.$dots.map(m => $into(m)[i]), a = min(...d) - 14, b = max(...d) + 14, c = max(p[i] + r, min(q[i] - r, (a + b) / 2));
      p[i] = max(p[i], min(a, c - r)); q[i] = min(q[i], max(b, c + r))
    });
    f.$now = [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
    $trace(f, {x: p[0], y: p[1], width: q[0] - p[0], height: q[1] - p[1]}); $move(t, f.$shut && f.$now)
  });
  $each(E, g => {
    g.$now = $into(g.$mid); $each(g.$words, t => $move(t));
    $trace(g, {d: g.$cut ? 'M' + g.$cut.map($into).join('L') : g.$d.replace(/[\d.]+,[\d.]+/g, p => $into(p.split(',')))})
  })
},
// A frame is shut or not; then all moves to its new place, but the title `t`, which stays where it was seen at (a, b).
$shut = (f, on) => { $set(f, 'closed', f.$shut = on); $put(f, {'aria-expanded': !on}) },
$settle = (t, [a, b]) => {
  $layout(); if ($map) $survey(); $fit();
  if ($moved) $pan((a - t.$now[0]) * k, (b - t.$now[1]) * k)
},
$fold = f => { const t = f.$words[0], p = t.$now; $shut(f, !f.$shut); $settle(t, p) },
