// A frame folds, and the picture draws together: what stays keeps its size and its order from left to right and from top
// to bottom; only room that nobody needs any more is left out, along each axis by itself: a map of old places to new.
$frames = () => {
  $around = {}; $heads = $all('.head'); $size = [W, H];
  $each([...$heads, ...F, ...$all('.view text')], $box);
  $each([...A, ...F], g => {
    g.$in = $around[g.$of || g.id] ??= g.dataset.in?.split(' ').map(i => s.getElementById(i)); // as its vertex is
    g.$words = $all('text', g); g.$d = g.$line?.getAttribute('d')
  });
  $each(F, f => {
    const [t] = f.$words;
    f.$need = [1.1 * t.$half[0] + 25, 22]; f.tabIndex = 0; f.role = 'button'; $shut(f);
    // All moves to its new place, but the title, which stays where it was seen.
    f.$turn = () => {
      const q = t.$now;
      $shut(f, !f.$shut); $layout();
      $map && $survey(); // part: minimap
      $fit();
      $moved && $pan(...$plus(q, t.$now, -1).map(v => v * k))
    }
  })
},
$outer = q => q?.find(f => f.$shut),
$layout = () => {
  // Along each axis, what keeps its room, or needs so many times as much.
  const _hard = [[], []],
  _keep = (p, r, f = 1, m = 2) => $each(_hard, (q, i) => { for (let a = p[i] - r[i] - m | 0; a <= p[i] + r[i] + m; a++) q[a] = max(q[a] || 1, f) });
  $each([...P, ...F], g => {
    const b = g.$need ? g.$words[0] : g;
    g.$dots = []; $set(g, 'in', g.$hid = $outer(g.$in)) || _keep(b.$mid, b.$half, 1, 12)
  });
  $each(E, g => {
    const [a, b] = g.$ends.map(v => $outer($around[v])), _path = [],
    _inside = (p, r = [0, 0]) => [a, b].some(f => f && p.every((v, i) => abs(v - f.$mid[i]) < f.$half[i] + r[i]));
    $put(g.$line, {d: g.$d}); g.$tip = b ? 8 : 0; g.$in = $around[g.$ends[0]];
    // Of an arrow into a closed frame, or out of one, what lies outside is drawn, without room for its head.
    if (a !== b) for (let i = g.$line.getTotalLength(); i > 0; i -= 2) { const q = g.$line.getPointAtLength(i); _path.unshift([q.x, q.y]) }
    const r = g.$cut = (a || b) && _path.filter(p => !_inside(p));
    if ($set(g, 'in', r && !r[0])) return;
    if (r) $each([[a, r[0]], [b, r.at(-1)]], ([f, p]) => { _keep(p, [7, 7]); f?.$dots.push(p) });
    // A name that a closed frame would cover comes out: along what is drawn, as far from the line as it was, or into the
    // middle of that, with room.
    $each(g.$words, t => {
      let m = t.$mid;
      if (_inside(m, t.$half)) {
        const _nearest = q => q.sort((a, b) => $far(a, m) - $far(b, m))[0], q = _nearest(_path),
        _places = r.map(p => $plus($plus(p, m), q, -1));
        m = _nearest(_places.filter(p => !_inside(p, t.$half)));
        if (!m) { m = _places[r.length >> 1]; $each(r, p => _keep(p, [0, -3], (t.$half[0] + 4) / r.length)) }
      }
      _keep(t.$at = m, t.$half)
    })
  });
  const _sums = _hard.map((q, k) => {
    const _rate = [], _sum = [0];
    $each(F, f => {
      if (!f.$shut || f.$hid) return;
      let _free = 0, _need = 2 * f.$need[k], a = f.$mid[k] - f.$half[k] | 0, b = f.$mid[k] + f.$half[k], i;
      for (i = a; i < b; i++) q[i] ? _need -= q[i] : _free++;
      for (i = a; i < b; i++) _rate[i] = max(_rate[i] || 0, _need / _free)
    });
    for (let i = 0; i <= $size[k]; i++) _sum.push(_sum[i] + (q[i] ?? _rate[i] ?? 1));
    return _sum
  }),
  _into = p => p.map((v, i) => { const q = _sums[i], k = min(v, $size[i]) | 0; return q[k] + (v - k) * (q[k + 1] - q[k]) }),
  _move = (g, q) => { g.$now = q ||= _into(g.$at || g.$mid); $put(g, {transform: 'translate(' + $plus(q, g.$mid, -1) + ')'}) },
  _trace = (g, o) => { $put(g.$line, o); $put(g.$twin, o) };
  [W, H] = _into($size);
  $each($heads, g => { W = max(W, 2 * g.$half[0] + 20); _move(g, [W / 2, _into(g.$mid)[1]]) });
  $each(P, g => _move(g));
  $each(F, f => {
    const [p, q] = [-1, 1].map(t => _into($plus(f.$mid, f.$half, t))), [t] = f.$words;
    // Closed, it is as large as its title and the arrows that end at it.
    if (f.$dots[0]) $each(f.$need, (r, i) => {
      const m = f.$dots.map(p => _into(p)[i]), a = min(...m) - 14, b = max(...m) + 14, v = max(p[i] + r, min(q[i] - r, (a + b) / 2));
      p[i] = max(p[i], min(a, v - r)); q[i] = min(q[i], max(b, v + r))
    });
    f.$now = $plus(p, q).map(v => v / 2);
    _trace(f, {x: p[0], y: p[1], width: q[0] - p[0], height: q[1] - p[1]}); _move(t, f.$shut && f.$now)
  });
  $each(E, g => {
    const q = g.$cut?.map(_into);
    g.$now = _into(g.$mid); $each(g.$words, t => _move(t));
    _trace(g, {d: q?.[0] ? 'M' + q.filter(p => $far(p, q.at(-1)) >= g.$tip) : g.$d.replace(/[\d.,]+/g, p => _into(p.split(',')))})
  })
},
$shut = (f, q) => { $set(f, 'closed', f.$shut = q); f.ariaExpanded = !q },
