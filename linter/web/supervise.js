/* The supervisors' view: decisions on record in; charts, a queue to review, precision of the rules and proposals out.
 *
 * The unit of the queue is a finding, because that is what is right or wrong; its decision is shown beside it.
 */
import { $, call, clause, json, make, marked, offerToken, VERDICTS, visible } from "./common.js";
import { bars, columns } from "./charts.js";

const MADE = { withheld: "不发送", replaced: "改后再发", sent: "仍然发送" };
const STATUSES = { open: "待审", appealed: "申诉中", confirmed: "属实", rejected: "误判" };
const KEYS = { c: "confirmed", r: "rejected", a: "appealed" };
const SERIES = [["sent", "仍然发送", "sent"], ["replaced", "改后再发", "replaced"], ["withheld", "不发送", "withheld"]];

let titles = {}, rows = [], at = 0, status = "open", cursor = null;
const explained = new Map(), drafts = new Map();

// --- filters and figures ---------------------------------------------------------------------------------------------

/** The day some days ago, as people here count days. */
function since() {
  if (!$("days").value) return null;
  const day = new Date(Date.now() - ($("days").value - 1) * 86400000);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

function query(more = {}) {
  const asked = { since: since(), rule: $("rule").value, agent: $("agent").value, shop: $("shop").value, ...more };
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
}

const stats = async (by) => (await json(`v1/stats?${query({ by })}`)).rows.map((row) => ({ ...row, name: by === "rule" ? titles[row.key] || row.key : row.key || "未署名" }));

async function drawFigures() {
  const [days, rules, agents] = await Promise.all([stats("day"), stats("rule"), stats("agent")]);
  const sum = (field) => days.reduce((total, row) => total + row[field], 0), ruled = sum("confirmed") + sum("rejected");
  const figures = [["待审", sum("open") + sum("appealed")], ["不发送", sum("withheld")], ["改后再发", sum("replaced")], ["仍然发送", sum("sent")], ["审过的准确率", ruled ? `${Math.round((100 * sum("confirmed")) / ruled)}%` : "未知"]];
  $("figures").replaceChildren(...figures.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, typeof value === "number" ? value.toLocaleString("zh-CN") : value))));
  columns($("by-day"), "每天的处理", everyDay(days), SERIES);
  bars($("by-rule"), "按规则", rules, [["findings", "问题", "plain"]]);
  bars($("by-agent"), "按客服", agents, SERIES);
}

/** Days without a record are days too. */
function everyDay(days) {
  if (!days.length) return [];
  const known = new Map(days.map((row) => [row.key, row])), none = { sent: 0, replaced: 0, withheld: 0 };
  const first = Date.parse(since() || days[0].key), last = Math.max(Date.parse(days[days.length - 1].key), $("days").value ? first + ($("days").value - 1) * 86400000 : 0);
  const all = [];
  for (let day = Math.max(first, last - 365 * 86400000); day <= last; day += 86400000) {
    const key = new Date(day).toISOString().slice(0, 10);
    all.push(known.get(key) || { ...none, key, name: key });
  }
  return all;
}

/** Offer what is on record as choices. */
async function drawChoices() {
  for (const [id, by] of [["rule", "rule"], ["agent", "agent"], ["shop", "shop"]]) {
    const kept = $(id).value, found = (await json(`v1/stats?by=${by}`)).rows.filter((row) => row.key);
    $(id).replaceChildren(make("option", { value: "" }, "全部"), ...found.map((row) => make("option", { value: row.key }, visible(id === "rule" ? titles[row.key] || row.key : row.key))));
    $(id).value = kept;
  }
}

// --- the queue -------------------------------------------------------------------------------------------------------

async function readQueue(older) {
  const page = await json(`v1/decisions?${query({ status, limit: 50, cursor: older ? cursor : null })}`);
  const found = page.decisions.flatMap((decision) => decision.findings.filter((finding) => finding.status === status && (!$("rule").value || finding.rule === $("rule").value)).map((finding) => ({ decision, finding })));
  rows = older ? rows.concat(found) : found;
  cursor = page.next;
  $("more").hidden = !cursor;
  if (!older) at = 0;
  drawRows();
}

function drawRows() {
  $("rows").replaceChildren(...(rows.length ? rows.map(row) : [make("li", { class: "quiet empty" }, `没有“${STATUSES[status]}”的记录`)]));
  drawDetail();
}

function row({ decision, finding }, index) {
  const button = make("button", { type: "button", "aria-current": index === at ? "true" : null, onclick: () => choose(index) },
    make("span", { class: "bar" }, make("span", { class: `verdict ${finding.verdict}` }, VERDICTS[finding.verdict]), make("bdi", { class: "words" }, visible(finding.words)), make("span", { class: "grow" }),
      make("span", { class: `made ${decision.decision}` }, finding.status === status ? MADE[decision.decision] : STATUSES[finding.status])),
    make("span", { class: "quiet" }, `${titles[finding.rule] || finding.rule} · ${visible(decision.agent || "未署名")} · ${when(decision.time)}`));
  return make("li", { class: finding.status === status ? "" : "done" }, button);
}

function when(time) {
  const moment = new Date(/Z|[+-]\d\d:\d\d$/.test(time) ? time : `${time}Z`);
  return Number.isNaN(moment.getTime()) ? time : moment.toLocaleString("zh-CN", { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

function choose(index) {
  at = Math.max(0, Math.min(rows.length - 1, index));
  [...$("rows").children].forEach((item, place) => { const button = item.firstElementChild; if (button && button.tagName === "BUTTON") place === at ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current"); });
  const button = $("rows").children[at]?.querySelector("button");
  if (button) { button.focus(); button.scrollIntoView({ block: "nearest" }); }
  drawDetail();
}

async function drawDetail() {
  const shown = rows[at];
  if (!shown) { $("detail").replaceChildren(make("p", { class: "quiet empty" }, "选一条来看")); return; }
  const { decision, finding } = shown, rule = await explain(finding.rule);
  if (rows[at] !== shown) return;
  const points = window.kefulintGuard.units(decision.text);
  const note = make("textarea", { id: "note", rows: 2, maxlength: 2000, placeholder: "备注（可不填）", oninput: () => drafts.set(finding.id, note.value) });
  note.value = drafts.get(finding.id) || "";
  const clauses = rule ? rule.clauses.filter((one) => finding.clauses.includes(one.id)) : [];
  $("detail").replaceChildren(
    make("div", { class: "bar wrap" }, make("h3", {}, titles[finding.rule] || finding.rule), make("code", {}, finding.rule), make("span", { class: "grow" }), make("span", { class: "pill status" }, STATUSES[finding.status])),
    make("ol", { class: "turns said" }, ...decision.context.slice(-3).map((turn) => make("li", { class: turn.role }, make("span", { class: "who" }, turn.role === "buyer" ? "买家" : "客服"), make("div", { class: "bubble" }, make("p", {}, make("bdi", {}, visible(turn.text)))))),
      make("li", { class: "agent" }, make("span", { class: "who" }, visible(decision.agent || "客服")), make("div", { class: "bubble judged" }, make("p", {}, marked(decision.text, [{ start: points(finding.start), end: points(finding.end), finding }]))))),
    make("p", {}, visible(finding.message)),
    make("p", { class: "quiet" }, `${MADE[decision.decision]}${decision.reason ? `，理由：${visible(decision.reason)}` : ""} · ${visible(decision.shop || "店铺未知")} · ${when(decision.time)} · 规则版本 ${decision.lexicon}`),
    decision.sent_text ? make("div", { class: "offer" }, make("bdi", {}, `实际发出：${visible(decision.sent_text)}`)) : "",
    ...(finding.reviews.length ? [make("ul", { class: "sources" }, ...finding.reviews.map((review) => make("li", {}, `${when(review.time)} ${visible(review.reviewer || "有人")}：${STATUSES[review.review]}${review.note ? `，${visible(review.note)}` : ""}`)))] : []),
    make("label", { for: "note", class: "only-heard" }, "备注"), note,
    make("div", { class: "bar wrap" }, ...Object.entries(KEYS).map(([key, name]) => make("button", { type: "button", class: name === "confirmed" ? "main" : "", onclick: () => review(name) }, `${STATUSES[name].replace("中", "")} `, make("kbd", {}, key.toUpperCase())))),
    clauses.length ? make("ul", { class: "clauses" }, ...clauses.map(clause)) : "");
}

async function explain(id) {
  if (!explained.has(id)) explained.set(id, await json(`v1/rules/${encodeURIComponent(id)}`).catch(() => null));
  return explained.get(id);
}

async function review(name) {
  const shown = rows[at];
  if (!shown) return;
  try {
    const note = (drafts.get(shown.finding.id) || "").trim();
    await call(`v1/findings/${shown.finding.id}/reviews`, { method: "POST", body: { review: name, ...(note && { note }) } });
    drafts.delete(shown.finding.id);
    shown.finding.status = name;
    shown.finding.reviews.push({ review: name, note, reviewer: "我", time: new Date().toISOString() });
    $("told").textContent = `已记为${STATUSES[name]}：${visible(shown.finding.words)}`;
    const next = rows.findIndex(({ finding }, index) => index > at && finding.status === status);
    if (next >= 0) at = next;
    drawRows();
    choose(at);
    await Promise.all([drawFigures(), drawPrecision(), drawProposals()]);
  } catch (error) { trouble(error); }
}

function keys(event) {
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === "Escape" && event.target.id === "note") choose(at);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "j" || event.key === "ArrowDown") choose(at + 1);
  else if (key === "k" || event.key === "ArrowUp") choose(at - 1);
  else if (key === "n" && $("note")) $("note").focus();
  else if (KEYS[key]) review(KEYS[key]);
  else return;
  event.preventDefault();
}

// --- what reviews give -----------------------------------------------------------------------------------------------

const percent = (share) => (share === null ? "未知" : `${(share * 100).toFixed(0)}%`);

async function drawPrecision() {
  const { rules } = await json("v1/reviews/precision");
  const head = make("thead", {}, make("tr", {}, ...["规则", "属实", "误判", "待审", "准确率", "95% 区间"].map((name, index) => make("th", { scope: "col", class: index ? "number" : "" }, name))));
  $("precision").replaceChildren(head, make("tbody", {}, ...rules.map((one) => make("tr", {}, make("th", { scope: "row" }, titles[one.rule] || one.rule),
    ...[one.confirmed, one.rejected, one.open + one.appealed, percent(one.precision), one.low === null ? "—" : `${percent(one.low)}–${percent(one.high)}`].map((value) => make("td", { class: "number" }, String(value)))))));
}

async function drawProposals() {
  const { proposals } = await json("v1/reviews/proposals");
  $("proposals").replaceChildren(...(proposals.length ? proposals.map(proposal) : [make("li", { class: "quiet empty" }, "还没有被判误判的说法")]));
}

function proposal(one) {
  const copy = make("button", { type: "button", "aria-label": `复制「${visible(one.words)}」的 passes`, onclick: async () => { await navigator.clipboard.writeText(one.passes); copy.textContent = "已复制"; } }, "复制 passes");
  return make("li", {}, make("div", { class: "bar wrap" }, make("bdi", { class: "words" }, visible(one.words)), make("span", { class: "quiet" }, `${titles[one.rule] || one.rule} · 误判 ${one.rejected} 次${one.confirmed ? ` · 也有 ${one.confirmed} 次属实，要看上下文` : ""}`), make("span", { class: "grow" }), copy),
    make("details", {}, make("summary", {}, "看片段"), make("pre", { tabindex: "0" }, visible(one.passes))));
}

async function download() {
  try {
    const blob = await (await call("v1/reviews/cases.jsonl")).blob(), link = make("a", { href: URL.createObjectURL(blob), download: "reviewed-cases.jsonl" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } catch (error) { trouble(error); }
}

// --- the page --------------------------------------------------------------------------------------------------------

function trouble(error) {
  $("link").className = "link off";
  $("link").textContent = error.message;
}

async function refresh() {
  try {
    await drawChoices();
    await Promise.all([drawFigures(), readQueue(false), drawPrecision(), drawProposals()]);
    $("link").className = "link on";
    $("link").textContent = `更新于 ${new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit" })}`;
  } catch (error) { trouble(error); }
}

function setUp() {
  $("statuses").replaceChildren(...Object.entries(STATUSES).map(([name, title]) => make("label", { class: "chip" }, make("input", { type: "radio", name: "status", value: name, checked: name === status }), title)));
  $("statuses").addEventListener("change", (event) => { status = event.target.value; readQueue(false).catch(trouble); });
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
  $("filters").addEventListener("change", refresh);
  $("queue").addEventListener("keydown", keys);
  $("more").addEventListener("click", () => readQueue(true).catch(trouble));
  $("cases").addEventListener("click", download);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawFigures().catch(trouble); } });
}

setUp();
try {
  const listed = await json("v1/rules");
  titles = Object.fromEntries(listed.rules.map((one) => [one.id, one.title]));
  $("version").textContent = `规则版本 ${listed.lexicon}`;
} catch (error) { trouble(error); }
await refresh();
offerToken();
