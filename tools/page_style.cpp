#include "tools/page_style.hpp"

namespace heavykeys::tools {

// Contrast: text at least 4.5 to 1, lines and bars at least 3 to 1, in both schemes. The colours of weights
// run along the inferno map, evenly in lightness, so that they keep their order without colour.
const char* const kPageStyle = R"css(
:root { color-scheme: light dark;
  --page: #ffffff; --soft: #f3f5f8; --text: #1a1d21; --dim: #565e69; --rule: #d5dae1;
  --bar: #1f6fb2; --bar2: #c0560a; --line: #a2410a; --link: #0b5cad;
  --w1: #e0752d; --w2: #cc4248; --w3: #982766; --w4: #5e1a70; --w5: #250c4c; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --soft: #1e2329; --text: #e8ebef; --dim: #a4adb8; --rule: #39414b;
  --bar: #62aef0; --bar2: #f09a4a; --line: #ffb066; --link: #7cbcff;
  --w1: #9a4fb0; --w2: #d8506a; --w3: #f37a3a; --w4: #fbb53c; --w5: #fcf7b0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main, header, footer { max-width: 62rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--rule); padding-top: 1.2rem; }
h3 { font-size: 1.1rem; margin: 0; display: inline; }
h4 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
a { color: var(--link); }
.sentence { font-size: 1.1rem; margin: .3rem 0 1rem; }
.note, figcaption, caption, footer { color: var(--dim); font-size: .9rem; }
caption { text-align: left; padding: 0 0 .4rem; }
caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 2.5rem); }
p.note { margin: .4rem 0 1rem; }
summary { cursor: pointer; color: var(--link); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem;
  margin: 1rem 0; padding: 0; list-style: none; }
.figures li { background: var(--soft); border-radius: .5rem; padding: .6rem .8rem; }
.figures b { display: block; font-size: 1.45rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figures span { color: var(--dim); font-size: .85rem; line-height: 1.3; display: block; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { color: var(--dim); font-weight: 600; vertical-align: bottom; }
.facts td { overflow-wrap: anywhere; }
.facts th { font-weight: normal; color: var(--dim); white-space: nowrap; }
.keys, .overview { min-width: 34rem; width: 100%; }
.num, .keys td { white-space: nowrap; }
.none { color: var(--dim); }
.scroll { overflow-x: auto; max-width: 100%; }
.scroll.tall { max-height: 32rem; overflow: auto; }
.scroll.tall thead th { position: sticky; top: 0; background: var(--page); }
.token { font-family: ui-monospace, "DejaVu Sans Mono", monospace; background: var(--soft); border-radius: .25rem;
  padding: 0 .3rem; white-space: pre; }
.meter { height: .7rem; border-radius: .2rem; background: var(--soft); flex: 1 1 4rem; min-width: 3rem; overflow: hidden; }
.meter div { height: 100%; background: var(--bar); }
.withbar { min-width: 9rem; white-space: nowrap; }
.withbar .meter { display: inline-block; width: 4.5rem; margin-right: .5rem; }
.sizes { margin: .8rem 0 0; }
.size { display: grid; grid-template-columns: 8.5rem 1fr; gap: 0 .8rem; margin: .35rem 0; }
.size dt { color: var(--dim); }
.size dd { margin: 0; }
.size .meter { width: 100%; height: 1rem; margin-top: .25rem; }
.size.bound .meter div { background: var(--bar2); }
.size.all .meter div { background: var(--dim); }
.chart { margin: 1.6rem 0; }
.chart h4 { margin: 0 0 .4rem; }
.frame { display: grid; grid-template-columns: 1.3rem 3.1rem minmax(0, 1fr); grid-template-rows: 15rem 1.5rem 1.4rem;
  font-size: .8rem; color: var(--dim); }
.frame.tall { grid-template-rows: 24rem 1.5rem 1.4rem; }
.yname { grid-row: 1; grid-column: 1; display: flex; align-items: center; justify-content: center; }
.yname span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.y { grid-row: 1; grid-column: 2; position: relative; }
.y span { position: absolute; right: .45rem; transform: translateY(-50%); white-space: nowrap; }
.plot { grid-row: 1; grid-column: 3; position: relative; border: solid var(--dim); border-width: 0 0 1px 1px; }
.tall .plot { border-width: 1px 0 0 1px; border-width: 1px; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.x { grid-row: 2; grid-column: 3; position: relative; }
.x span { position: absolute; top: .2rem; transform: translateX(-50%); white-space: nowrap; }
.x span.first { transform: none; }
.x span.last { transform: translateX(-100%); }
.xname { grid-row: 3; grid-column: 3; text-align: center; }
.linelabel { position: absolute; right: .3rem; transform: translateY(-105%); color: var(--line); font-weight: 600;
  background: var(--page); padding: 0 .25rem; border-radius: .2rem; pointer-events: none; }
.grid { stroke: var(--rule); stroke-width: 1px; vector-effect: non-scaling-stroke; fill: none; }
.halo { stroke: var(--page); stroke-width: 4px; vector-effect: non-scaling-stroke; fill: none; }
.line { stroke: var(--line); stroke-width: 2px; stroke-dasharray: 7 4; vector-effect: non-scaling-stroke; fill: none; }
.plot path { shape-rendering: crispEdges; } .plot .dot { shape-rendering: auto; }
.bar { fill: var(--bar); } .bar2 { fill: var(--bar2); }
.plot .bar:hover, .plot .bar2:hover { fill: var(--text); }
.w1 { fill: var(--w1); stroke: var(--w1); } .w2 { fill: var(--w2); stroke: var(--w2); }
.w3 { fill: var(--w3); stroke: var(--w3); } .w4 { fill: var(--w4); stroke: var(--w4); }
.w5 { fill: var(--w5); stroke: var(--w5); }
.w1, .w2, .w3, .w4, .w5 { stroke-width: 0; }
.dot { fill: none; stroke-width: 8px; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.legend { font-size: .85rem; color: var(--dim); margin: 0 0 .5rem; }
.key { white-space: nowrap; margin-right: .6rem; }
.key svg { width: .8rem; height: .8rem; margin-right: .3rem; vertical-align: -.08rem; }
figcaption { margin-top: .4rem; }
.numbers { margin-top: .3rem; }
.numbers .scroll { max-height: 20rem; overflow: auto; margin-top: .3rem; }
.head > summary { padding: .6rem 0; border-top: 1px solid var(--rule); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2rem; }
footer { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: .8rem; padding-bottom: 2rem; }
@media (max-width: 40rem) { body { font-size: 15px; } .size { grid-template-columns: 1fr; }
  .frame.tall { grid-template-rows: 18rem 1.5rem 1.4rem; } }
@media print { .scroll.tall { max-height: none; } }
)css";

}  // namespace heavykeys::tools
