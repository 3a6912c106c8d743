// A box that was closed when it was drawn: the picture with all of them open is in the file, packed. It takes the place
// of this one, with every other box folded.
$boxes = () => {
  const {frames, size} = $store.dataset;
  if (self.DecompressionStream) $each($all(frames), g => {
    g.role = 'button'; g.ariaExpanded = false;
    g.$turn = async () => {
      const _packed = Uint8Array.from(atob($store.textContent), t => t.charCodeAt()),
      _text = await new Response(new Response(_packed).body.pipeThrough(new DecompressionStream('deflate'))).text();
      if (!$store) return;
      $store = 0; $go(0);
      $all('.view')[0].innerHTML = _text; [W, H] = JSON.parse(size); $read();
      const f = s.getElementById(g.id);
      $each(F, f => $shut(f, f.matches(frames)));
      f.$words[0].$now = g.$now; f.$turn(); f.focus()
    }
  })
},
