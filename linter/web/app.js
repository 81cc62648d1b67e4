/* The workbench: a conversation and a reply in, the reply's words underlined and judged on every platform out.
 *
 * The reply box is guarded by guard.js itself, exactly as in an agent's tool; only its questions go over the WebSocket.
 * Decisions made here are not recorded: it is for trying.
 */
import { $, call, clause, offerToken, DECISIONS, json, make, marked, PLATFORMS, ROOT, spelled, token, VERDICTS, visible, cost } from "./common.js";

const guard = window.kefulintGuard;
const CHANNELS = { chat: "聊天", "listing.title": "商品标题", "listing.detail": "商品详情" };
const SAMPLES = [
  ["拒开发票", "买家：能开发票吗\n客服：亲，这款做活动特价不开票的哦"],
  ["引导加微信", "买家：还能便宜点吗\n客服：😀亲，加我薇❤，直接转账便宜10块"],
  ["好评返现", "买家：收到了，挺好用的\n客服：亲，五星好评截图发我，返您2元红包"],
  ["没有问题", "买家：什么时候发货\n客服：亲，今天下午四点前安排发出，单号出来就给您"],
];
const SPEAKER = /^\s*(?:\[?\d[\d\-/.年月日:：\sT]*\]?\s*)?(买家|顾客|客户|用户|消费者|亲友|客服|卖家|商家|店家|店铺|我)[^:：\n]{0,20}[:：]\s*(.*)$/;
const BUYERS = ["买家", "顾客", "客户", "用户", "消费者", "亲友"];
const SHOWN = 3; // clauses shown before the rest is folded away

let turns = [], answer = null, answered = "";

// --- the live connection ---------------------------------------------------------------------------------------------

/** Ask over the WebSocket; while it is not open, over HTTP. */
function connection() {
  const waiting = new Map();
  let socket = null, sequence = 0, pause = 500;
  function open() {
    socket = new WebSocket(new URL("v1/live", ROOT).href.replace(/^http/, "ws"));
    socket.onopen = () => {
      if (token()) socket.send(JSON.stringify({ token: token() }));
      pause = 500;
      linked(true);
    };
    socket.onmessage = (event) => {
      const { seq, error, ...rest } = JSON.parse(event.data);
      const asked = waiting.get(seq);
      waiting.delete(seq);
      if (asked) error ? asked.fail(new Error(error.message)) : asked.done(rest);
    };
    socket.onclose = () => {
      for (const asked of waiting.values()) asked.fail(new Error("检查服务未连接"));
      waiting.clear();
      linked(false);
      setTimeout(open, (pause = Math.min(pause * 2, 15000)));
    };
  }
  open();
  return (path, body, signal) => {
    if (socket.readyState !== WebSocket.OPEN) return json(path, { method: "POST", body, signal });
    return new Promise((done, fail) => {
      const seq = ++sequence;
      waiting.set(seq, { done, fail });
      signal.addEventListener("abort", () => { waiting.delete(seq); fail(new Error("检查服务太慢")); });
      socket.send(JSON.stringify({ seq, ...body }));
    });
  };
}

function linked(yes, why = "未连接，重试中…") {
  $("link").className = `link ${yes ? "on" : "off"}`;
  $("link").textContent = yes ? "实时检查" : why;
}

// --- the conversation ------------------------------------------------------------------------------------------------

/** Read a pasted conversation; lines without a speaker belong to the turn above. */
export function parse(text) {
  const found = [];
  for (const line of text.split(/\r?\n/)) {
    const hit = SPEAKER.exec(line);
    if (hit) found.push({ role: BUYERS.includes(hit[1]) ? "buyer" : "agent", text: hit[2] });
    else if (found.length && line.trim()) found[found.length - 1].text += `${found[found.length - 1].text ? "\n" : ""}${line.trim()}`;
  }
  return found.filter((turn) => turn.text.trim());
}

/** Take in a whole conversation: when the agent speaks last, that is the reply to judge. */
function take(found) {
  const last = found[found.length - 1];
  turns = last && last.role === "agent" ? found.slice(0, -1) : found;
  drawTurns();
  guarded.replace(turns === found ? "" : last.text);
}

function drawTurns() {
  $("turns").replaceChildren(...turns.map(bubble));
  $("turns").scrollTop = $("turns").scrollHeight;
  $("counted").textContent = turns.length ? `${turns.length} 句` : "还没有对话，只看回复本身";
  guarded.recheck();
  judgeTurns();
}

function bubble(turn, index) {
  const who = turn.role === "buyer" ? "买家" : "客服";
  const swap = () => { turns[index] = { role: turn.role === "buyer" ? "agent" : "buyer", text: turn.text }; drawTurns(); $("turns").children[index].querySelector("button").focus(); };
  const drop = () => { turns.splice(index, 1); drawTurns(); $("said").focus(); };
  return make("li", { class: turn.role },
    make("span", { class: "who" }, who),
    make("div", { class: "bubble" }, make("p", {}, turn.marks ? marked(turn.text, turn.marks) : make("bdi", {}, visible(turn.text))), turn.note ? make("small", { class: turn.verdict }, turn.note) : null),
    make("span", { class: "edit" },
      make("button", { type: "button", "aria-label": `第 ${index + 1} 句改成${who === "买家" ? "客服" : "买家"}说的`, title: "换人说", onclick: swap }, "⇄"),
      make("button", { type: "button", "aria-label": `删掉第 ${index + 1} 句`, title: "删掉", onclick: drop }, "×")));
}

let judged = 0;

/** Judge what the agent said earlier, each sentence with what came before it. */
async function judgeTurns() {
  const now = ++judged;
  const agents = turns.filter((turn) => turn.role === "agent" && !turn.note);
  if (!agents.length) return;
  const messages = agents.map((turn) => ({ ...settings(), text: turn.text, context: turns.slice(0, turns.indexOf(turn)).slice(-6).map(plain) }));
  let answers;
  try { ({ answers } = await json("v1/check/batch", { method: "POST", body: { messages } })); } catch { return; }
  if (now !== judged) return;
  agents.forEach((turn, index) => note(turn, answers[index]));
  $("turns").replaceChildren(...turns.map(bubble));
}

function note(turn, found) {
  const at = guard.units(turn.text);
  turn.verdict = found.verdict;
  turn.marks = found.findings.map((finding) => ({ start: at(finding.start), end: at(finding.end), finding }));
  turn.note = found.findings.length ? `${DECISIONS[found.decision]}：${visible(found.findings[0].message)}` : "";
}

const plain = ({ role, text }) => ({ role, text });

// --- the answer ------------------------------------------------------------------------------------------------------

function settings() {
  const platforms = [...document.querySelectorAll("#platforms input:checked")].map((box) => box.value);
  return { channel: $("channel").value, ...(platforms.length && { platforms }) };
}

function drawAnswer(found, text) {
  [answer, answered] = [found, text];
  const offer = guard.proposal(text, found);
  $("rewrite").disabled = offer === null;
  $("next").disabled = !found.findings.length;
  drawBanner(found);
  $("findings").replaceChildren(...(found.findings.length ? found.findings.map((finding, index) => card(finding, index, text)) : [make("li", { class: "quiet" }, "没有发现问题")]));
  drawBeside(found);
  $("version").textContent = `规则版本 ${found.lexicon}`;
}

function drawNothing() {
  answer = null;
  $("rewrite").disabled = $("next").disabled = true;
  $("banner").className = "banner none";
  $("banner").replaceChildren(make("b", {}, "写一句试试"), make("span", {}, "结果会显示在这里"));
  $("findings").replaceChildren();
  $("beside").replaceChildren();
}

function drawBanner(found) {
  const worst = found.findings.filter((finding) => finding.verdict === found.verdict);
  const why = worst.length ? `${worst.length} 处${VERDICTS[found.verdict]}：${worst.map((finding) => `「${visible(finding.text)}」`).slice(0, 3).join("")}` : found.findings.length ? "只有提示" : "没有发现违规的话";
  $("banner").className = `banner ${found.decision}`;
  $("banner").replaceChildren(make("b", {}, DECISIONS[found.decision]), make("span", {}, why));
}

function card(finding, index, text) {
  const at = guard.units(text), offer = guard.proposal(text, { findings: [finding], rewritten: null });
  const words = finding.fix ? finding.fix.replacement : finding.suggestion;
  return make("li", { class: `card ${finding.verdict}`, tabindex: "-1", id: `finding-${index}` },
    make("div", { class: "bar wrap" }, make("span", { class: `verdict ${finding.verdict}` }, VERDICTS[finding.verdict]), make("bdi", { class: "words" }, visible(finding.text)),
      make("span", { class: "grow" }), make("code", {}, finding.rule)),
    make("p", {}, visible(finding.message)),
    finding.spelled.length ? make("p", { class: "quiet" }, `识破的写法：${spelled(finding.spelled)}`) : null,
    words ? make("div", { class: "offer" }, make("bdi", {}, visible(words)), offer === null ? null : make("button", { type: "button", "aria-label": `替换「${visible(finding.text)}」`, onclick: () => guarded.replace(offer) }, "替换")) : null,
    make("ul", { class: "clauses" }, ...finding.clauses.slice(0, SHOWN).map(clause)),
    finding.clauses.length > SHOWN ? make("details", { class: "more" }, make("summary", {}, `另外 ${finding.clauses.length - SHOWN} 条依据`), make("ul", { class: "clauses" }, ...finding.clauses.slice(SHOWN).map(clause))) : null,
    make("button", { type: "button", class: "link-like", onclick: () => guarded.select(at(finding.start), at(finding.end)) }, "在回复里选中"));
}

/** One row a platform: may it be sent there, what it breaks, what that costs. */
function drawBeside(found) {
  const names = Object.keys(found.platforms || (found.findings[0] || { verdicts: {} }).verdicts);
  const rows = names.map((name) => {
    const mine = found.findings.filter((finding) => (finding.verdicts[name] || "none") !== "none");
    const decision = found.platforms ? found.platforms[name].decision : mine.length ? "block" : "send";
    const clauses = mine.flatMap((finding) => finding.clauses.filter((one) => one.platform === name));
    return make("tr", {}, make("th", { scope: "row" }, PLATFORMS[name]), make("td", {}, make("span", { class: `pill ${decision}` }, DECISIONS[decision])),
      make("td", {}, ...breaks(mine, clauses)), make("td", { class: "cost" }, ...(clauses.length ? clauses.slice(0, 3).map((one) => make("div", {}, cost(one))) : [mine.length ? "金额、扣分未知" : "—"])));
  });
  $("beside").replaceChildren(make("thead", {}, make("tr", {}, ...["平台", "结论", "违反", "代价"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...rows));
}

function breaks(mine, clauses) {
  if (!mine.length) return ["—"];
  if (!clauses.length) return [`${mine.map((finding) => visible(finding.text)).join("、")}（依据是法律或通用要求）`];
  return clauses.slice(0, 3).map((one) => make("div", {}, visible(one.title))).concat(clauses.length > 3 ? [make("div", { class: "quiet" }, `另 ${clauses.length - 3} 条`)] : []);
}

// --- the reply box ---------------------------------------------------------------------------------------------------

function noteHidden() {
  const text = $("reply").value, hidden = text.match(guard.HIDDEN) || [];
  $("hidden-note").hidden = !hidden.length;
  $("hidden-note").firstElementChild.textContent = `有 ${hidden.length} 个看不见的字符：${visible([...new Set(hidden)].slice(0, 6).join(""))}`;
  $("length").textContent = text ? `${text.length.toLocaleString("zh-CN")} 字` : "";
  if (!text.trim()) drawNothing();
}

function next() {
  if (!answer || !answer.findings.length) return;
  const at = guard.units(answered), from = $("reply").selectionEnd;
  const marks = answer.findings.map((finding, index) => [at(finding.start), at(finding.end), index]).sort((a, b) => a[0] - b[0]);
  const [start, end, index] = marks.find(([begin]) => begin >= from) || marks[0];
  guarded.select(start, end);
  $(`finding-${index}`).scrollIntoView({ block: "nearest" });
}

/** Put the reply into the conversation, as an agent's tool would send it. */
function send() {
  const text = $("reply").value.trim();
  if (!text) return;
  turns.push({ role: "agent", text });
  guarded.replace("");
  drawTurns();
}

function listen() {
  $("reply").addEventListener("input", noteHidden);
  $("reply").addEventListener("keydown", (event) => {
    if (event.key === "F8") { event.preventDefault(); next(); }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  $("send").addEventListener("click", send);
  $("next").addEventListener("click", next);
  $("rewrite").addEventListener("click", () => guarded.replace(guard.proposal(answered, answer)));
  $("strip").addEventListener("click", () => guarded.replace($("reply").value.replace(guard.HIDDEN, "")));
  $("clear").addEventListener("click", () => { turns = []; drawTurns(); guarded.replace(""); });
  $("platforms").addEventListener("change", refresh);
  $("channel").addEventListener("change", refresh);
  $("role").addEventListener("change", () => { $("said").placeholder = $("role").value === "buyer" ? "买家说了什么" : "客服说了什么"; });
  $("add").addEventListener("submit", add);
  $("said").addEventListener("paste", pasted);
  $("paste").addEventListener("click", () => { $("whole").hidden = false; $("pasted").focus(); });
  $("unpaste").addEventListener("click", () => { $("whole").hidden = true; $("paste").focus(); });
  $("pasted").addEventListener("input", () => { $("parsed").textContent = `读出 ${parse($("pasted").value).length} 句`; });
  $("whole").addEventListener("submit", readWhole);
}

function refresh() {
  localStorage.setItem("kefulint.platforms", JSON.stringify(settings().platforms || []));
  for (const turn of turns) delete turn.note;
  drawTurns();
}

function add(event) {
  event.preventDefault();
  if (!$("said").value.trim()) return;
  turns.push({ role: $("role").value, text: $("said").value.trim() });
  $("said").value = "";
  drawTurns();
}

function pasted(event) {
  const found = parse(event.clipboardData.getData("text"));
  if (found.length < 2) return;
  event.preventDefault();
  take(found);
}

function readWhole(event) {
  event.preventDefault();
  const found = parse($("pasted").value);
  if (!found.length) { $("parsed").textContent = "没有读出一句话：行首要有“买家：”或“客服：”"; return; }
  $("whole").hidden = true;
  $("pasted").value = "";
  take(found);
}

async function setUp() {
  const meta = await json("v1/meta");
  if (meta.tokens) await call("v1/rules"); // asks for a token where there is none that is good
  const kept = keptPlatforms();
  $("platforms").replaceChildren(...meta.platforms.map(({ id, name }) => make("label", { class: "chip" }, make("input", { type: "checkbox", value: id, checked: !kept.length || kept.includes(id) }), name)));
  $("channel").replaceChildren(...meta.channels.map((id) => make("option", { value: id }, CHANNELS[id] || id)));
  $("version").textContent = `规则版本 ${meta.lexicon || "未知"}`;
  $("samples").replaceChildren("样例：", ...SAMPLES.map(([name, text]) => make("button", { type: "button", onclick: () => take(parse(text)) }, name)));
}

function keptPlatforms() {
  try { return JSON.parse(localStorage.getItem("kefulint.platforms")) || []; } catch { return []; }
}

await setUp().catch((error) => { linked(false, error.message); throw error; });
const guarded = guard.attach($("reply"), {
  server: ROOT.href, token, transport: connection(), record: false, quiet: true, debounce: 80, timeout: 3000, onSlow: "closed",
  channel: () => settings().channel, platforms: () => settings().platforms || [], context: () => turns.slice(-6).map(plain),
  sendButton: "#send", onAnswer: drawAnswer,
});
listen();
offerToken();
drawTurns();
noteHidden();
