"""The look and the behaviour of a drawing in a browser: one style sheet, one script of at most 3 kB.

The colours stand in the SVG as attributes as well, for viewers that know no style sheets; contrast is at least 4.5:1.
"""

from __future__ import annotations

CSS = """
.tg{--fg:#111;--bwd:#c8102e;--mute:#555;--node:#fff;--hl:#0b62d6}
@media (prefers-color-scheme:dark){.tg{--fg:#e8e8e8;--bwd:#ff6b6b;--mute:#a4abb3;--node:#22262e;--hl:#6ab0ff;
background:#16181d}}
.tg text{fill:var(--fg);font-family:"DejaVu Serif",Georgia,"Times New Roman",serif}
.tg .node ellipse,.tg .node path,.tg .node polygon{stroke:var(--fg);fill:var(--node)}
.tg .node.bad ellipse,.tg .node.bad path{stroke:var(--bwd);stroke-width:3;stroke-dasharray:6 3}
.tg .node.origin ellipse,.tg .node.origin path{stroke-width:5;stroke-dasharray:none}
.tg .node.failed ellipse,.tg .node.failed path{stroke:var(--bwd);stroke-width:5;stroke-dasharray:2 3}
.tg .note.slot text{fill:var(--mute)}
.tg .d1 ellipse,.tg .d1 path,.tg .d2 ellipse,.tg .d2 path{stroke:var(--bwd)}.tg .edge.d1 polygon,.tg .edge.d2 polygon{
stroke:var(--bwd);fill:var(--bwd)}.tg .edge.d1 text,.tg .edge.d2 text{fill:var(--bwd)}.tg .d1.node *,.tg .d2.node *{
stroke-width:2}.tg .node.d1 text,.tg .node.d2 text{stroke:none}.tg .d2 ellipse,.tg .d2 path{stroke-dasharray:7 3}
.tg .note.fault text{fill:var(--bwd);font-weight:bold}
.tg .fwd path{stroke:var(--fg)}.tg .fwd polygon{stroke:var(--fg);fill:var(--fg)}
.tg .bwd path{stroke:var(--bwd)}.tg .bwd polygon{stroke:var(--bwd);fill:var(--bwd)}.tg .bwd text{fill:var(--bwd)}
.tg .edge path.hit{stroke:none;stroke-width:12;pointer-events:stroke}
.tg.on .node,.tg.on .edge{opacity:.15}.tg.on .hl{opacity:1}.tg .hl.edge path:not(.hit){stroke-width:2.4}
.tg [tabindex]:focus{outline:none}
.tg [tabindex]:focus ellipse,.tg [tabindex]:focus path,.tg [tabindex]:focus polygon{stroke:var(--hl);stroke-width:3}
.tg.nofwd .fwd,.tg.nobwd .bwd{display:none}
.tg .cluster{cursor:pointer}.tg .cluster path{stroke:var(--mute);fill:transparent}.tg .cluster text{fill:var(--mute)}
.tg .cluster.closed path{fill:var(--node);stroke:var(--fg);stroke-dasharray:none}
.tg .cluster.closed text{fill:var(--fg);font-weight:bold}
@media (prefers-reduced-motion:no-preference){.tg .node,.tg .edge{transition:opacity .12s}}
@media print{.tg{--fg:#000;--bwd:#c00;--node:#fff;background:none}}
"""

# Hovering or focusing a vertex shows what it is made of and what is made of it, with the gradients beside; a click
# pins that; Escape lets go; f and b hide a direction; a click or Enter on a frame folds it.
SCRIPT = """(function(){
var c=document.currentScript,s=c&&c.closest?c.closest('svg'):document.querySelector('svg.tg'),pin=null,N={};
if(!s)return;
function all(q){return [].slice.call(s.querySelectorAll(q))}
var E=all('g.edge').map(function(g){return{g:g,t:g.getAttribute('data-tail'),h:g.getAttribute('data-head'),
b:g.classList.contains('bwd')}}),F=E.filter(function(e){return!e.b});
all('g.node[data-id]').forEach(function(g){N[g.getAttribute('data-id')]=g});
function reach(n,a,b){var seen={},q=[n],out=[],i=0;seen[n]=1;
while(i<q.length){var k=q[i++];F.forEach(function(e){
if(e[a]===k){out.push(e);if(!seen[e[b]]){seen[e[b]]=1;q.push(e[b])}}})}
return out}
function mark(g){if(g)g.classList.add('hl')}
function clear(){s.classList.remove('on');all('.hl').forEach(function(g){g.classList.remove('hl')})}
function show(n){clear();if(!N[n])return;s.classList.add('on');mark(N[n]);var on={};
reach(n,'t','h').concat(reach(n,'h','t')).forEach(function(e){mark(e.g);on[e.t+' '+e.h]=1;mark(N[e.t]);mark(N[e.h])});
E.forEach(function(e){if(e.b&&on[e.h+' '+e.t])mark(e.g)})}
function of(e){var g=e.target.closest&&e.target.closest('g.node[data-id]');return g?g.getAttribute('data-id'):null}
all('g.cluster').forEach(function(g){var p=g.parentNode,next=g.nextSibling;
function fold(e){e.stopPropagation();e.preventDefault();var shut=g.classList.toggle('closed');
g.setAttribute('aria-expanded',String(!shut));if(shut)p.appendChild(g);else p.insertBefore(g,next)}
g.setAttribute('role','button');g.setAttribute('tabindex','0');g.setAttribute('aria-expanded','true');
g.addEventListener('click',fold);
g.addEventListener('keydown',function(e){if(e.key==='Enter'||e.key===' ')fold(e)})});
s.addEventListener('mouseover',function(e){if(!pin){var n=of(e);if(n)show(n);else clear()}});
s.addEventListener('focusin',function(e){var n=of(e);if(n&&!pin)show(n)});
s.addEventListener('click',function(e){var n=of(e);pin=n!==pin?n:null;if(pin)show(pin);else clear()});
s.addEventListener('keydown',function(e){if(e.key==='Escape'){pin=null;clear()}
else if(e.key==='f')s.classList.toggle('nofwd');else if(e.key==='b')s.classList.toggle('nobwd')});
})();"""
