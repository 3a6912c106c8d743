"""The look and the behaviour of a drawing in a browser: one style sheet, one script of at most 3 kB.

The colours stand in the SVG as attributes as well, for viewers that know no style sheets; contrast is at least 4.5:1.
"""

from __future__ import annotations

# A light ground of its own, too: a picture without one is black on black in a dark page on a light system.
CSS = """
.tg{--fg:#111;--bwd:#c8102e;--mute:#555;--node:#fff;--hl:#0b62d6;background:#fff;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.tg{--fg:#e8e8e8;--bwd:#ff6b6b;--mute:#a4abb3;--node:#22262e;--hl:#6ab0ff;
background:#16181d}}
.tg text{fill:var(--fg);font-family:"DejaVu Serif",Georgia,"Times New Roman",serif}
.tg .node ellipse,.tg .node path,.tg .node polygon{stroke:var(--fg);fill:var(--node)}
.tg .node.bad ellipse,.tg .node.bad path{stroke:var(--bwd);stroke-width:3;stroke-dasharray:6 3}
.tg .node.origin ellipse,.tg .node.origin path{stroke-width:5;stroke-dasharray:none}
.tg .node.failed ellipse,.tg .node.failed path{stroke:var(--bwd);stroke-width:5;stroke-dasharray:2 3}
.tg .note.slot text{fill:var(--mute)}
.tg .d1,.tg .d2{--fg:var(--bwd)}.tg .d1 ellipse,.tg .d2 ellipse{stroke-width:2}
.tg .d2 ellipse,.tg .d2 path:not(.hit){stroke-dasharray:7 3}
.tg .note.fault text{fill:var(--bwd);font-weight:bold}
.tg .fwd path{stroke:var(--fg)}.tg .fwd polygon{stroke:var(--fg);fill:var(--fg)}
.tg .bwd path{stroke:var(--bwd);stroke-width:1.5}.tg .bwd polygon{stroke:var(--bwd);fill:var(--bwd)}
.tg .bwd text{fill:var(--bwd)}
.tg path.hit.hit{stroke:none;stroke-width:12;pointer-events:stroke}
.tg.on [data-step]{opacity:.15}.tg.on .hl{opacity:1}
.tg .hl.edge path,.tg .now.edge path{stroke-width:2.4}
.tg:focus-visible{outline:2px solid var(--hl);outline-offset:-2px}.tg [tabindex]:focus{outline:none}
.tg.nofwd .fwd,.tg.nofwd .name,.tg.nobwd .bwd,.tg .in{display:none}
.tg.step [data-step]{visibility:hidden}.tg.step .s.s{visibility:visible}
.tg .cluster{cursor:pointer}.tg .cluster path{stroke:var(--mute);fill:none}.tg .cluster text{fill:var(--mute)}
.tg .cluster.closed path{fill:var(--node);stroke:var(--fg);stroke-dasharray:none}
.tg .cluster.closed text{fill:var(--fg);font-weight:bold}.tg .cluster.closed tspan{display:inline}
.tg .now.node ellipse,.tg .now.node path,
.tg [tabindex]:focus ellipse,.tg [tabindex]:focus path,.tg [tabindex]:focus polygon{stroke:var(--hl);stroke-width:3}
@media (prefers-reduced-motion:no-preference){.tg .node,.tg .edge{transition:opacity .12s}}
@media print{.tg{--fg:#000;--bwd:#c00;--mute:#444;--node:#fff;--hl:#000;background:none}}
"""

# show(v) lights a vertex, all that it is made of and all that is made of it: an edge is lit if both its ends are
# ancestors, or both descendants, which holds for an arrow back as for its twin forward. press(g) is a click, Enter or
# Space: it pins a vertex, or folds a frame, whose content (data-in) is then taken away. go(k) is the replay: the
# figure whole at 0, then one vertex more at each step (data-step counts them in the order of computation), then one
# gradient more, from the last vertex that has one to the first; a line of text (told, role status) says which. Keys and
# that line belong to the page that `page` makes, anywhere else to the drawing that has the focus, which grows to make
# room for the line; what is hidden must not keep the focus, or the next key would go nowhere.
SCRIPT = """(()=>{
const s=document.currentScript?.closest('svg');if(!s)return;
const all=q=>[...s.querySelectorAll(q)],data=(g,k)=>g.getAttribute('data-'+k),label=g=>g.getAttribute('aria-label'),
put=(g,k,v)=>g.setAttribute(k,v),set=(g,k,on)=>g.classList.toggle(k,!!on),
of=e=>e.target.closest('[data-of]')?.getAttribute('data-of'),
V=all('[data-id]'),P=all('[data-of]'),E=all('.edge'),R=E.filter(g=>g.matches('.bwd')),to={},from={},shut=new Set,
n=V.length,back=[...new Set(R.map(g=>+data(g,'step')))],
desk=s.closest('.tg-page')||s,told=desk.querySelector('.told'),
size=['viewBox','height'].map(k=>s.getAttribute(k)),[left,top,wide,high]=size[0].split(' ');
let pin,at=0;
E.forEach(g=>{const t=data(g,'tail'),h=data(g,'head');
if(!g.matches('.bwd')){(to[t]??=[]).push(h);(from[h]??=[]).push(t)}});
const reach=(v,next)=>{const r=new Set([v]);for(const w of r)(next[w]||[]).forEach(u=>r.add(u));return r},
show=v=>{const lit=v?[reach(v,to),reach(v,from)]:[],is=(g,...k)=>set(g,'hl',lit.some(r=>k.every(w=>r.has(data(g,w)))));
set(s,'on',v);P.forEach(g=>is(g,'of'));E.forEach(g=>is(g,'tail','head'))},
hover=v=>{if(!pin)show(v)},
fold=g=>{const on=!shut.delete(g.id);if(on)shut.add(g.id);set(g,'closed',on);
put(g,'aria-expanded',!on);
all('[data-in]').forEach(h=>set(h,'in',data(h,'in').split(' ').some(i=>shut.has(i))))},
press=g=>{if(g?.matches('.cluster'))return fold(g);const v=g&&data(g,'of');pin=v===pin?null:v;show(pin)},
go=k=>{at=Math.max(0,Math.min(n+back.length,k));const red=at>n,i=red?back[at-n-1]:at-1;press();set(s,'step',at);
P.concat(E).forEach(g=>{const j=+data(g,'step'),r=g.matches('.bwd');
set(g,'s',r?red&&j>=i:red||j<=i);set(g,'now',j===i&&(r===red||g.matches('.node')))});
told.textContent=at?(red?'backward ':'forward ')+(i+1)+' / '+n+': '+(red?R.filter(g=>g.matches('.now')).map(g=>
label(g).split(' ')[0]).join(' + '):label(V[i]).split(', (')[0]):'';
if(desk===s){put(s,'viewBox',at?[left,top,wide,+high+24].join(' '):size[0]);
put(s,'height',at?size[1]*(1+24/high):size[1]);told.removeAttribute('textLength');
if(told.getComputedTextLength()>wide-16)put(told,'textLength',wide-16)}
if(at){V[i].scrollIntoView({block:'nearest',inline:'center'});const a=document.activeElement;
if(s.contains(a)&&!a.matches('.s'))s.focus({preventScroll:true})}};
all('.cluster').forEach(g=>{put(g,'role','button');put(g,'tabindex',0);put(g,'aria-expanded',true)});
s.addEventListener('mouseover',e=>hover(of(e)));s.addEventListener('mouseleave',()=>hover());
s.addEventListener('focusin',e=>hover(of(e)));s.addEventListener('focusout',()=>hover());
s.addEventListener('click',e=>press(e.target.closest('.cluster,[data-of]')));
desk.addEventListener('keydown',e=>{if(e.ctrlKey||e.metaKey||e.altKey)return;
const k=e.key,g=e.target.closest('.cluster,[data-id]'),
step={ArrowRight:at+1,ArrowLeft:at-1,End:1/0,Home:0,Escape:0}[k],hide={f:'nofwd',b:'nobwd'}[k];
if(step>=-1)go(step);else if(hide)s.classList.toggle(hide);else if(g&&(k==='Enter'||k===' '))press(g);else return;
e.preventDefault()})
})();"""

# The figure scrolls where it would be too small to read; the box ticked, it is shown whole all the same.
PAGE = """
body{margin:8px;background:#fff;color:#444;font:13px/1.7 system-ui,sans-serif}
.tg-scroll{overflow:auto}
.tg-scroll .tg{display:block;margin:auto;width:100%;max-width:{width}px;min-width:{least}px}
.tg-page:has(:checked) .tg{min-width:0;max-height:calc(100vh - 6em)}
.tg-help{margin:6px 0 0}label{color:#111;margin-right:1em;white-space:nowrap}
kbd{border:1px solid;border-radius:3px;padding:0 3px;font:inherit}
div.told{position:fixed;bottom:0;left:0;right:0;padding:4px 8px;font-size:17px;color:#111;background:#e8eefc}
div.told:empty{display:none}
@media (prefers-color-scheme:dark){body{background:#16181d;color:#b4bbc3}label,div.told{color:#e8e8e8}
div.told{background:#26304a}}
@media print{body{background:none}.tg-help{display:none}.tg-scroll .tg{min-width:0}}
"""
HELP = """<p class="tg-help"><label><input type="checkbox">show the whole figure</label> <kbd>→</kbd> <kbd>←</kbd>
step by step, <kbd>End</kbd> last step, <kbd>Esc</kbd> all; point at a node or <kbd>Tab</kbd> to it: what it depends on
and what depends on it; click or <kbd>Enter</kbd> keeps that; <kbd>f</kbd> <kbd>b</kbd> hide forward or backward; click
the title of a frame: fold it</p>
"""
