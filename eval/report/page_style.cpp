#include "eval/report/page_style.h"

namespace ditto {

std::string_view page_style() {
  return R"css(:root{color-scheme:light dark;--ink:#222;--faint:#5d6570;--paper:#fff;--line:#d6dae0;--box:#f4f6f8}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8ea;--faint:#9aa3ad;--paper:#14171a;--line:#333a42;--box:#1d2226}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:12px 14px 40px;font:15px/1.45 system-ui,sans-serif;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
h1{font-size:22px;line-height:1.25;margin:8px 0}h2{font-size:18px;margin:28px 0 8px;border-top:1px solid var(--line);padding-top:14px}
h3{font-size:15px;margin:18px 0 6px}p{margin:6px 0;max-width:80ch}.faint{color:var(--faint);font-size:13px}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:10px 0}a{color:inherit}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(340px,100%),1fr));gap:18px 26px;align-items:start}
figure{margin:0;min-width:0}figure svg{display:block;width:100%;max-width:430px;height:auto}
figcaption{color:var(--faint);font-size:12px}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px;margin:10px 0;padding:0}
.facts div{background:var(--box);padding:7px 10px;border-radius:6px}.facts dt{color:var(--faint);font-size:12px}
.facts dd{margin:0;font-size:17px;font-variant-numeric:tabular-nums}
pre{background:var(--box);padding:9px 11px;border-radius:6px;white-space:pre-wrap;font:12.5px/1.4 ui-monospace,monospace;margin:6px 0}
code{font:12.5px ui-monospace,monospace}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:3px 9px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child,.setting{text-align:left}td.setting{white-space:normal;min-width:180px}
tr.rival td{background:var(--box)}
details{border:1px solid var(--line);border-radius:8px;margin:8px 0;padding:0 12px}
details[open]{padding-bottom:12px}summary{cursor:pointer;padding:9px 0;font-weight:600}summary span{font-weight:400}
.pictures{margin:6px 0 14px;max-width:900px}.pictures img{display:block;width:100%;height:auto;image-rendering:pixelated;border-radius:3px}
.pictures p{font-size:12px;color:var(--faint);margin:6px 0 2px}
.numbers{display:flex;font-size:12px;color:var(--faint)}.numbers span{flex:1;text-align:center}
.worst{display:flex;gap:8px;max-width:600px}.worst figure{flex:1}.worst img{width:100%;height:auto;image-rendering:pixelated;border-radius:3px}
)css";
}

}  // namespace ditto
