// A box that was closed when it was drawn: the picture with all of them open is in the file, packed. It takes the place
// of this one, with every other box folded.
$boxes = () => {
  const {frames, size} = $store.dataset;
  if (self.DecompressionStream) $each($all(frames), g => {
    $put(g, {role: 'button', 'aria-expanded': false});
    g.$turn = async () => {
      const $packed = Uint8Array.from(atob($store.textContent), t => t.charCodeAt()),
      $text = await new Response(new Blob([$packed]).stream().pipeThrough(new DecompressionStream('deflate'))).text();
      if (!$store) return;
      $store = 0; $go(0);
      $all('.view')[0].innerHTML = $text; [W, H] = JSON.parse(size); $read();
      const f = s.getElementById(g.id);
      $each(F, f => $shut(f, f.matches(frames)));
      f.$words[0].$now = g.$now; f.$turn(); f.focus()
    }
  })
},
