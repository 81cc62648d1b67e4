/* What both pages share: the server with its token, elements from text, and findings in words.
 *
 * In: paths below the server's root. Out: plain data, or an Error whose message can be shown. Every text becomes a text
 * node, never markup: what buyers and agents wrote is hostile until shown otherwise.
 */
const { make, visible, cost, PLATFORMS, VERDICTS, CONFIDENCE } = window.kefulintGuard;
export { make, visible, cost, PLATFORMS, VERDICTS, CONFIDENCE };

export const ROOT = new URL(".", location.href);
const TOKEN = "kefulint.token";
export const DECISIONS = { send: "可以发送", confirm: "先确认", block: "不要发送" };
const SPELLED = {
  homophone: "谐音", pinyin: "拼音", emoji: "表情", symbol: "符号", "case": "大小写", "zero-width": "看不见的字符", traditional: "繁体", digits: "数字写法",
  width: "全角", split: "拆字", glyph: "形近字", typo: "错别字", space: "空格", line: "换行",
};

export const $ = (id) => document.getElementById(id);
export const token = () => sessionStorage.getItem(TOKEN) || "";
export const spelled = (names) => names.map((name) => SPELLED[name] || name).join("、");

/** Call the server; where it wants a token, ask for one and try again. */
export async function call(path, { method = "GET", body, signal } = {}) {
  for (;;) {
    const response = await reach(path, { method, body, signal });
    if (response.status === 401 && (await askToken(Boolean(token())))) continue;
    if (!response.ok) throw new Error(await problem(response));
    return response;
  }
}

async function reach(path, { method, body, signal }) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(token() && { Authorization: `Bearer ${token()}` }) };
  try {
    return await fetch(new URL(path, ROOT), { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("检查服务未连接");
  }
}

async function problem(response) {
  const names = { 401: "需要令牌", 403: "这个令牌没有权限", 413: "内容太长", 429: "检查服务太忙，请稍等", 503: "检查服务太忙，请稍等" };
  if (names[response.status]) return names[response.status];
  try { return (await response.json()).error.message; } catch { return `检查服务出错（${response.status}）`; }
}

export const json = async (path, options) => (await call(path, options)).json();

let asking = null;

/** Ask for a token once, however many calls want it. It stays in this tab. */
export function askToken(wrong) {
  asking ||= new Promise((done) => {
    const box = make("input", { id: "token-box", type: "password", autocomplete: "off", required: true });
    const finish = (given) => { dialog.close(); dialog.remove(); asking = null; done(given); };
    const form = make("form", { onsubmit: (event) => { event.preventDefault(); sessionStorage.setItem(TOKEN, box.value.trim()); finish(true); } },
      make("h2", { id: "token-title" }, "请输入访问令牌"),
      make("p", { class: "quiet" }, "令牌由店铺管理员发放，只保存在这个标签页里。"),
      make("label", { for: "token-box" }, "令牌"), box, wrong ? make("p", { class: "wrong", role: "alert" }, "刚才的令牌不对。") : null,
      make("div", { class: "bar" }, make("span", { class: "grow" }), make("button", { type: "button", onclick: () => finish(false) }, "取消"), make("button", { class: "main" }, "确定")));
    const dialog = make("dialog", { "aria-labelledby": "token-title", oncancel: () => finish(false) }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

/** Where a token is in use, let it be changed. */
export function offerToken() {
  if (!token()) return;
  const change = async () => { if (await askToken(false)) location.reload(); };
  $("link").after(make("button", { type: "button", onclick: change }, "换令牌"));
}

/** A link only where the address is one of the web. */
function named(source) {
  const words = `${visible(source.name)}（${source.date || "日期未知"}，${CONFIDENCE[source.confidence] || source.confidence}）`;
  if (!source.url || !/^https?:\/\//i.test(source.url)) return make("li", {}, words);
  return make("li", {}, make("a", { href: source.url, target: "_blank", rel: "noopener noreferrer nofollow" }, words));
}

/** A clause in full: whose, what, what it costs, who says so, and who says otherwise. */
export function clause(one) {
  return make("li", { class: "clause" },
    make("div", { class: "bar wrap" }, make("span", { class: "tag" }, PLATFORMS[one.platform] || one.platform), make("b", {}, visible(one.title)), make("span", { class: /\d/.test(cost(one)) ? "cost" : "cost unknown" }, cost(one)),
      make("span", { class: `trust ${one.confidence}` }, CONFIDENCE[one.confidence] || one.confidence), make("span", { class: "quiet" }, one.as_of || "日期未知")),
    make("p", {}, visible(one.says)),
    one.also ? make("p", { class: "quiet" }, `另有后果：${visible(one.also)}`) : null,
    one.contradiction ? make("p", { class: "doubt" }, `各处说法不一：${visible(one.contradiction)}`) : null,
    make("details", {}, make("summary", {}, one.sources.length ? `来源 ${one.sources.length} 处` : "来源未知"), make("ul", { class: "sources" }, ...one.sources.map(named))));
}

/** Show a text with the words of findings marked; marks are half-open UTF-16 ranges. */
export function marked(text, marks) {
  const parts = [];
  let from = 0;
  for (const { start, end, finding } of [...marks].sort((a, b) => a.start - b.start)) {
    if (end <= from) continue;
    const begin = Math.max(from, start);
    parts.push(visible(text.slice(from, begin)), make("mark", { class: finding.verdict }, visible(text.slice(begin, end))));
    from = end;
  }
  return make("bdi", {}, ...parts, visible(text.slice(from)));
}
