/* kefulint guard: asks the kefulint server before an agent's message goes out.
 *
 * In: a text box (textarea, input, contenteditable) of any web page and its send button. Out: underlined words while the
 * agent types, and a dialog before a message that breaks a rule is sent. One decision a reader would question: an event is
 * only held back when the newest answer is not "send" for this very text; otherwise the page gets its own, trusted event.
 * The guard keeps no message; a decision that the server has not acknowledged waits in sessionStorage. docs/guard.md
 */
(() => {
  "use strict";
  if (window.kefulintGuard) return;
  const script = document.currentScript;
  const DEFAULTS = {
    server: script && /^https?:/.test(script.src) ? new URL(".", script.src).href : "", token: "",
    platforms: [], platform: "", channel: "chat", agent: "", shop: "", session: "", context: () => [],
    sendButton: "", sendOn: "click", enter: "enter", onSlow: "open", timeout: 800, debounce: 150,
    live: true, record: true, quiet: false, transport: null, release: null, onAnswer: null,
  };
  const CHOICES = { enter: ["enter", "ctrl", "none"], onSlow: ["open", "closed"] };
  const LONGEST = 20000; // code units that are underlined; longer texts are still checked
  const PLATFORMS = { tmall: "天猫", taobao: "淘宝", pinduoduo: "拼多多", douyin: "抖音", kuaishou: "快手", jd: "京东", law: "法律", any: "通用" };
  const CONFIDENCE = { official: "官方原文", quoted: "转述条文", secondary: "二手资料" };
  const VERDICTS = { error: "错误", warning: "警告", info: "提示", none: "不判" };
  const REASONS = ["买家主动要求", "判断有误", "已核实属实"];

  // --- text --------------------------------------------------------------------------------------------------------

  const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]|\u200d(?!\p{Extended_Pictographic})/gu;

  /** Show characters that have no shape of their own, or turn the text round, by their number. */
  const visible = (text) => String(text).replace(HIDDEN, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

  /** Return a function from the server's code points to the browser's UTF-16 units. */
  function units(text) {
    if (!/[\ud800-\udbff]/.test(text)) return (at) => at;
    const starts = [];
    for (let i = 0; i < text.length; i += text.codePointAt(i) > 0xffff ? 2 : 1) starts.push(i);
    return (at) => (at < starts.length ? starts[at] : text.length);
  }

  /** Return the marks of an answer: what to underline, in UTF-16 units. */
  function marksOf(text, answer) {
    const at = units(text);
    return answer.findings.map((finding) => ({ start: at(finding.start), end: at(finding.end), finding }));
  }

  /** Carry marks over an edit until the next answer comes: those it touches go. */
  function moved(marks, before, after) {
    let head = 0;
    const most = Math.min(before.length, after.length);
    while (head < most && before[head] === after[head]) head++;
    let tail = 0;
    while (tail < most - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
    const shift = after.length - before.length;
    return marks.flatMap((mark) => {
      if (mark.end <= head) return [mark];
      if (mark.start < before.length - tail) return [];
      return [{ ...mark, start: mark.start + shift, end: mark.end + shift }];
    });
  }

  /** Return the whole text in a wording that is safe to send, as far as the rules offer one; null where none does. */
  function proposal(text, answer) {
    if (answer.rewritten !== null && answer.rewritten !== undefined) return answer.rewritten;
    const edits = marksOf(text, answer).flatMap((mark) => edit(text, mark)).sort((a, b) => a.start - b.start);
    let out = "", from = 0, last = null;
    for (const one of edits) {
      if (one.start < from) continue;
      out += text.slice(from, one.start) + (one.words === last ? "" : one.words);
      from = one.end;
      last = one.words;
    }
    const whole = out + text.slice(from);
    return edits.length && whole !== text ? whole : null;
  }

  /** A fix replaces its words; a suggestion is a whole reply and replaces the sentence. */
  function edit(text, { start, end, finding }) {
    const { fix, suggestion } = finding;
    if (fix) {
      const at = units(text);
      return [{ start: at(fix.start), end: at(fix.end), words: fix.replacement }];
    }
    if (!suggestion) return [];
    const stops = "。！？!?\n";
    while (start > 0 && !stops.includes(text[start - 1])) start--;
    while (end < text.length && !stops.includes(text[end - 1])) end++;
    return [{ start, end, words: suggestion }];
  }

  const figure = (value) => String(value).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

  /** Say what a clause costs; what nobody states is 未知. */
  function cost(clause) {
    const parts = [];
    if (clause.platform !== "law" && clause.platform !== "any") {
      const most = clause.points_max !== null && clause.points_max !== clause.points ? `–${figure(clause.points_max)}` : "";
      parts.push(clause.points === null ? "扣分未知" : `扣 ${figure(clause.points)}${most} 分${clause.scale ? `（${clause.scale} 类）` : ""}`);
    }
    const least = clause.amount, most = clause.amount_max;
    if (least !== null || most !== null) {
      const range = least === null ? `至多 ${figure(most)}` : figure(least) + (most !== null && most !== least ? `–${figure(most)}` : "");
      parts.push(`${clause.amount_what || "金额"} ${range} 元`);
    }
    return parts.join("，") || "金额未知";
  }

  /** Say who states a clause, when, and how far it can be trusted. */
  function source(clause) {
    const name = clause.sources.length ? clause.sources[0].name : "来源未知";
    return `${name}，${clause.as_of || "日期未知"}，${CONFIDENCE[clause.confidence] || clause.confidence}${clause.overridden ? "，店铺自定" : ""}`;
  }

  // --- elements ----------------------------------------------------------------------------------------------------

  /** Make an element; strings become text, never markup. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  function clauseRow(clause) {
    return make("li", {},
      make("b", {}, `${PLATFORMS[clause.platform] || clause.platform}｜${visible(clause.title)}`), ` ${cost(clause)}`,
      make("small", {}, visible(source(clause))),
      clause.contradiction && make("small", { class: "doubt" }, `各处说法不一：${visible(clause.contradiction)}`));
  }

  /** Describe a finding: words, reason, clauses. `most` clauses are shown, the others counted. */
  function describe(finding, most) {
    const rest = finding.clauses.length - most;
    return make("section", { class: `finding ${finding.verdict}` },
      make("p", {}, make("span", { class: "verdict" }, VERDICTS[finding.verdict] || finding.verdict), " ", make("bdi", {}, visible(finding.message))),
      make("ul", {}, ...finding.clauses.slice(0, most).map(clauseRow), rest > 0 ? make("li", {}, make("small", {}, `另有 ${rest} 条依据`)) : null));
  }

  const STYLE = `
    :host { all: initial; position: fixed; inset: 0 auto auto 0; width: 0; height: 0; z-index: 2147483647; color-scheme: light dark;
      --bg: #fff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --wash: #f6f8fa; --error: #c62828; --warning: #9a6700; --info: #0969da; --ok: #1a7f37;
      font: 14px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; color: var(--ink); }
    @media (prefers-color-scheme: dark) { :host { --bg: #1c2128; --ink: #e6edf3; --soft: #9da7b1; --line: #3d444d; --wash: #262c36;
      --error: #ff8a80; --warning: #e3b341; --info: #79b8ff; --ok: #56d364; } }
    * { box-sizing: border-box; } p, ul { margin: 0; padding: 0; } li { list-style: none; margin: 4px 0 0; } small { display: block; color: var(--soft); font-size: 12px; }
    .mirror { position: fixed; overflow: hidden; pointer-events: none; color: transparent; border-style: solid; border-color: transparent; background: none; }
    .mirror span { text-decoration: underline wavy 1.5px var(--error); text-underline-offset: 3px; text-decoration-skip-ink: none; }
    .mirror .warning { text-decoration-style: dotted; text-decoration-thickness: 2.5px; text-decoration-color: var(--warning); }
    .mirror .info { text-decoration-style: dashed; text-decoration-color: var(--info); }
    .sign, .card { position: fixed; background: var(--bg); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 16px #0003; }
    .sign { font: inherit; font-size: 12px; line-height: 18px; padding: 2px 9px; color: var(--soft); cursor: pointer; max-width: 90vw; text-align: left; }
    .sign.error, .sign.away { color: var(--error); border-color: currentColor; } .sign.warning { color: var(--warning); border-color: currentColor; }
    .card { padding: 8px 12px; max-width: min(400px, 92vw); pointer-events: none; font-size: 13px; }
    [hidden] { display: none !important; }
    dialog { width: min(560px, 94vw); max-height: 88vh; padding: 0; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); color: var(--ink); box-shadow: 0 16px 48px #0006; }
    dialog[open] { display: flex; flex-direction: column; } dialog::backdrop { background: #0007; }
    header { padding: 14px 20px 10px; border-bottom: 1px solid var(--line); border-top: 4px solid var(--error); } .confirm header { border-top-color: var(--warning); } .look header { border-top-color: var(--info); }
    h2 { margin: 0; font-size: 17px; } .body { padding: 4px 20px 12px; overflow: auto; overflow-wrap: anywhere; }
    .finding { padding: 10px 0; border-bottom: 1px solid var(--line); } .card .finding { padding: 0; border: 0; }
    .verdict { font-size: 12px; font-weight: 600; padding: 0 6px; border-radius: 4px; border: 1px solid currentColor; color: var(--error); }
    .warning .verdict { color: var(--warning); } .info .verdict { color: var(--info); } .doubt { color: var(--warning); } b { font-weight: 600; }
    .offer { margin: 12px 0 0; padding: 8px 12px; background: var(--wash); border-left: 3px solid var(--ok); border-radius: 4px; white-space: pre-wrap; max-height: 9em; overflow: auto; }
    label { display: block; margin-top: 12px; font-weight: 600; } input { font: inherit; width: 100%; margin-top: 4px; padding: 6px 10px; border: 1px solid var(--soft); border-radius: 6px; background: var(--bg); color: var(--ink); }
    input[aria-invalid=true] { border-color: var(--error); } .wrong { color: var(--error); } .quick { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 6px; }
    footer { display: flex; flex-wrap: wrap; gap: 8px; padding: 12px 20px; border-top: 1px solid var(--line); }
    button { font: inherit; padding: 6px 14px; border: 1px solid var(--line); border-radius: 6px; background: var(--wash); color: var(--ink); cursor: pointer; }
    .quick button { font-size: 12px; padding: 2px 10px; border-radius: 12px; } .first { background: #1f6feb; border-color: #1f6feb; color: #fff; } .last { margin-left: auto; }
    :focus-visible { outline: 3px solid #4c9aff; outline-offset: 1px; }
    @media (max-width: 480px) { footer button { flex: 1 1 100%; padding: 10px; } }`;
  const UNDERLINES = `::highlight(kefulint-error) { text-decoration: underline wavy 1.5px #c62828; } ::highlight(kefulint-warning) { text-decoration: underline dotted 2.5px #9a6700; }
    ::highlight(kefulint-info) { text-decoration: underline dashed 1.5px #0969da; }
    @media (prefers-color-scheme: dark) { ::highlight(kefulint-error) { text-decoration-color: #ff8a80; } ::highlight(kefulint-warning) { text-decoration-color: #e3b341; } }`;

  /** Give a document or shadow root its style: as a sheet made by script, which no page's content policy forbids. */
  function dress(root, css) {
    try {
      const made = new CSSStyleSheet();
      made.replaceSync(css);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, made];
    } catch { // the sandbox of a userscript in Firefox
      (root.head || root).append(make("style", {}, css));
    }
  }

  // --- boxes -------------------------------------------------------------------------------------------------------

  /** Put text where the selection is, so that the page's own undo and its frameworks notice. */
  function typed(box, text) {
    if (document.execCommand("insertText", false, text)) return;
    const prototype = box.tagName === "INPUT" ? HTMLInputElement.prototype : HTMLTextAreaElement.prototype;
    const { value, selectionStart, selectionEnd } = box;
    Object.getOwnPropertyDescriptor(prototype, "value").set.call(box, value.slice(0, selectionStart) + text + value.slice(selectionEnd));
    box.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
  }

  const COPIED = ["fontFamily", "fontSize", "fontWeight", "fontStyle", "fontStretch", "fontVariant", "fontKerning", "fontFeatureSettings", "letterSpacing",
    "wordSpacing", "lineHeight", "textIndent", "textTransform", "textAlign", "direction", "tabSize", "wordBreak", "overflowWrap", "lineBreak", "textSpacingTrim",
    "paddingTop", "paddingLeft", "paddingBottom", "borderTopWidth", "borderRightWidth", "borderBottomWidth", "borderLeftWidth", "borderRadius"];

  /** Underlines of a textarea or input: the same text, without colour, laid over the box. */
  function fieldPainter(box, root) {
    const mirror = make("div", { class: "mirror", "aria-hidden": "true", hidden: true });
    let spans = [];
    root.append(mirror);
    const place = () => {
      if (mirror.hidden) return;
      const style = getComputedStyle(box), at = box.getBoundingClientRect();
      for (const name of COPIED) if (style[name] !== undefined) mirror.style[name] = style[name];
      mirror.lang = box.closest("[lang]")?.lang || ""; // which glyphs Chinese text gets, and how high they are
      const bar = box.offsetWidth - box.clientWidth - parseFloat(style.borderLeftWidth) - parseFloat(style.borderRightWidth);
      mirror.style.paddingRight = `${parseFloat(style.paddingRight) + Math.max(0, bar)}px`;
      Object.assign(mirror.style, { left: `${at.left}px`, top: `${at.top}px`, width: `${at.width}px`, height: `${at.height}px` });
      const single = box.tagName === "INPUT";
      mirror.style.whiteSpace = single ? "pre" : "pre-wrap";
      if (single) mirror.style.lineHeight = `${box.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom)}px`;
      mirror.scrollTop = box.scrollTop;
      mirror.scrollLeft = box.scrollLeft;
    };
    return {
      place,
      text: () => box.value,
      caret: () => box.selectionStart,
      rects: () => spans.map(([span, mark]) => [[...span.getClientRects()], mark]),
      replace(text) { box.focus(); box.setSelectionRange(0, box.value.length); typed(box, text); },
      select(start, end) { box.focus(); box.setSelectionRange(start, end); },
      paint(marks) {
        const text = box.value;
        mirror.hidden = !marks.length || text.length > LONGEST || !box.getClientRects().length;
        spans = [];
        mirror.replaceChildren();
        if (mirror.hidden) return;
        let from = 0;
        for (const mark of [...marks].sort((a, b) => a.start - b.start)) {
          if (mark.end <= from) continue;
          const start = Math.max(from, mark.start);
          const span = make("span", { class: mark.finding.verdict }, text.slice(start, mark.end));
          mirror.append(text.slice(from, start), span);
          spans.push([span, mark]);
          from = mark.end;
        }
        mirror.append(`${text.slice(from)}\u200b`); // keeps an empty last line
        place();
      },
      remove: () => mirror.remove(),
    };
  }

  const BLOCK = /^(DIV|P|LI|UL|OL|BLOCKQUOTE|PRE|H[1-6]|SECTION)$/;

  /** Read a contenteditable: its text, and which node each part of it comes from. */
  function readEditable(box) {
    let text = "";
    const parts = [];
    const walk = (node) => {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) {
          parts.push([child, text.length]);
          text += child.data.replace(/\xa0/g, " ");
        } else if (child.tagName === "BR") text += "\n";
        else if (child.tagName === "IMG") text += child.alt;
        else if (child.nodeType === Node.ELEMENT_NODE) {
          if (BLOCK.test(child.tagName) && text && !text.endsWith("\n")) text += "\n";
          walk(child);
        }
      }
    };
    walk(box);
    return { text, parts };
  }

  const highlights = {};

  /** Underlines of a contenteditable: highlights, which leave its own elements alone. */
  function editablePainter(box) {
    let drawn = [];
    const clear = () => { for (const [range, mark] of drawn) highlights[mark.finding.verdict].delete(range); drawn = []; };
    return {
      place() {},
      text: () => readEditable(box).text,
      caret() {
        const selection = getSelection();
        const part = readEditable(box).parts.find(([node]) => node === selection.focusNode);
        return part ? part[1] + selection.focusOffset : -1;
      },
      rects: () => drawn.map(([range, mark]) => [[...range.getClientRects()], mark]),
      replace(text) { box.focus(); getSelection().selectAllChildren(box); typed(box, text); },
      select(start, end) {
        box.focus();
        const range = rangeOf(readEditable(box).parts, start, end);
        if (range) { getSelection().removeAllRanges(); getSelection().addRange(range); }
      },
      paint(marks) {
        clear();
        if (!window.Highlight || !CSS.highlights) return;
        const { text, parts } = readEditable(box);
        for (const mark of text.length > LONGEST ? [] : marks) {
          const range = rangeOf(parts, mark.start, mark.end);
          if (range) { highlightOf(box, mark.finding.verdict).add(range); drawn.push([range, mark]); }
        }
      },
      remove: clear,
    };
  }

  function rangeOf(parts, start, end) {
    const first = parts.find(([node, at]) => start < at + node.length);
    const last = [...parts].reverse().find(([, at]) => at < end);
    if (!first || !last) return null;
    const range = document.createRange();
    range.setStart(first[0], Math.max(0, start - first[1]));
    range.setEnd(last[0], Math.min(last[0].length, end - last[1]));
    return range;
  }

  function highlightOf(box, verdict) {
    const root = box.getRootNode();
    if (!root.kefulintUnderlines) {
      root.kefulintUnderlines = true;
      dress(root, UNDERLINES);
    }
    if (!highlights[verdict]) CSS.highlights.set(`kefulint-${verdict}`, (highlights[verdict] = new Highlight()));
    return highlights[verdict];
  }

  // --- the server --------------------------------------------------------------------------------------------------

  /** Something that is no answer: `why` is shown to the agent, `wait` is what the server asks for, in seconds. */
  class Unanswered extends Error {
    constructor(why, { status = 0, wait = 0 } = {}) { super(why); Object.assign(this, { status, wait }); }
  }

  /** Ask the server, by the page's own transport where it has one (a userscript's may pass by the page's policy). */
  async function post(options, path, body, signal) {
    if (options.transport) {
      try { return await options.transport(path, body, signal); } catch (error) {
        throw new Unanswered(signal && signal.aborted ? "检查服务太慢" : "检查服务未连接", { status: error.status || 0, wait: error.wait || 0 });
      }
    }
    body = JSON.stringify(body);
    const headers = { "Content-Type": "application/json", ...(options.token && { Authorization: `Bearer ${valueOf(options.token)}` }) };
    let response;
    try {
      response = await fetch(new URL(path, options.server), { method: "POST", headers, body, signal, credentials: "omit", keepalive: body.length < 20000 });
    } catch (error) {
      throw new Unanswered(signal && signal.aborted ? "检查服务太慢" : "检查服务未连接");
    }
    if (response.ok) return response.json().catch(() => { throw new Unanswered("检查服务的回答读不懂"); });
    const why = { 401: "检查服务不认这个令牌", 403: "检查服务不认这个令牌", 413: "消息太长，没法检查", 422: "检查服务不收这条消息", 429: "检查服务太忙", 503: "检查服务太忙" }[response.status];
    throw new Unanswered(why || `检查服务出错（${response.status}）`, { status: response.status, wait: Number(response.headers.get("Retry-After")) || 0 });
  }

  const valueOf = (option) => (typeof option === "function" ? option() : option);
  const later = (ms, value) => new Promise((done) => setTimeout(done, ms, value));

  const recorders = {};

  /** Decisions on their way to a server: kept until it has acknowledged them, tried again with growing pauses. */
  function recorder(options, trouble) {
    const mine = (recorders[options.server] ||= { waiting: stored(options.server), busy: false, pause: 1000 });
    Object.assign(mine, { options, trouble }); // the newest token counts
    flush(mine);
    return (decision) => {
      if (!options.record) return;
      const client_id = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      mine.waiting.push({ ...decision, client_id });
      store(mine);
      flush(mine);
    };
  }

  const KEY = "kefulint.decisions ";

  function stored(server) {
    try { return JSON.parse(sessionStorage.getItem(KEY + server)) || []; } catch { return []; }
  }

  function store({ waiting, options }) {
    const key = KEY + options.server;
    try { waiting.length ? sessionStorage.setItem(key, JSON.stringify(waiting)) : sessionStorage.removeItem(key); } catch { /* no storage here: memory only */ }
  }

  async function flush(mine) {
    if (mine.busy) return;
    mine.busy = true;
    while (mine.waiting.length) {
      try {
        await post(mine.options, "v1/decisions", mine.waiting[0]);
        mine.pause = 1000;
      } catch (error) {
        if (![400, 409, 413, 422].includes(error.status)) { // not its own fault: again later
          await later(Math.max(mine.pause, error.wait * 1000));
          mine.pause = Math.min(mine.pause * 2, 30000);
          continue;
        }
        mine.trouble(`有一条处理记录没有被接受：${error.message}`);
      }
      mine.waiting.shift();
      store(mine);
    }
    mine.busy = false;
  }

  /** Questions on their way: one at a time, the newest; the same question is asked once. Failures make it pause longer. */
  function asker(options) {
    let known = null, asking = null, retryAt = 0, pause = 500;
    function failed(error) {
      asking = null;
      retryAt = Date.now() + Math.max(pause, error.wait * 1000);
      pause = Math.min(pause * 2, 30000);
      throw error;
    }
    return {
      known: (key) => (known && known.key === key ? known.answer : null),
      rest: () => Math.max(0, retryAt - Date.now()),
      /** Resolves to the answer, or to null where a newer question took its place. */
      ask(body, key = JSON.stringify(body)) {
        if (known && known.key === key) return Promise.resolve(known.answer);
        if (asking && asking.key === key) return asking.promise;
        if (asking) asking.abort.abort();
        const abort = new AbortController(), mine = (asking = { key, abort });
        const timer = setTimeout(() => abort.abort(), Math.max(10000, options.timeout));
        mine.promise = post(options, "v1/check", body, abort.signal).finally(() => clearTimeout(timer)).then(
          (answer) => {
            if (asking !== mine) return null;
            if (!answer || !Array.isArray(answer.findings)) failed(new Unanswered("检查服务的回答读不懂"));
            known = { key, answer };
            asking = null;
            retryAt = 0;
            pause = 500;
            return answer;
          },
          (error) => (asking === mine ? failed(error) : null));
        return mine.promise;
      },
    };
  }

  // --- the dialog --------------------------------------------------------------------------------------------------

  const TITLES = { block: "这条消息不要发送", confirm: "这条消息请先确认", look: "这条消息的问题" };

  /** Ask the agent. Resolves to { choice: "withheld" | "replaced" | "sent", reason }. */
  function ask(root, answer, offer, kind) {
    return new Promise((done) => {
      const focused = document.activeElement;
      const reason = make("input", { id: "reason", maxlength: 200, autocomplete: "off", "aria-describedby": "wrong" });
      const wrong = make("p", { id: "wrong", class: "wrong", role: "alert" });
      const finish = (choice) => {
        dialog.close();
        dialog.remove();
        if (focused && focused.focus) focused.focus();
        done({ choice, reason: reason.value.trim() });
      };
      const send = () => {
        if (kind !== "block" || reason.value.trim()) return finish("sent");
        wrong.textContent = "仍要发送，请先写明理由。";
        reason.setAttribute("aria-invalid", "true");
        reason.focus();
      };
      const dialog = make("dialog", { class: kind, role: "alertdialog", "aria-modal": "true", "aria-labelledby": "title", "aria-describedby": "why", oncancel: (event) => { event.preventDefault(); finish("withheld"); } },
        make("header", {}, make("h2", { id: "title" }, TITLES[kind])),
        make("div", { class: "body", tabindex: "0" },
          make("div", { id: "why" }, ...answer.findings.slice(0, 5).map((finding) => describe(finding, answer.findings.length > 1 ? 1 : 3)),
            answer.findings.length > 5 ? make("p", {}, `另有 ${answer.findings.length - 5} 处`) : null),
          offer === null ? null : make("p", { class: "offer" }, make("small", {}, "建议改为"), make("bdi", {}, visible(offer))),
          ...(kind === "look" ? [] : [
            make("label", { for: "reason" }, kind === "block" ? "仍要发送的理由（必填，会记录）" : "仍要发送的理由（会记录）"), reason,
            make("div", { class: "quick" }, ...REASONS.map((text) => make("button", { type: "button", onclick: () => { reason.value = text; reason.focus(); } }, text))), wrong])),
        make("footer", {},
          make("button", { type: "button", class: "first", onclick: () => finish("withheld") }, kind === "look" ? "关闭" : "不发送"),
          offer === null ? null : make("button", { type: "button", class: "swap", onclick: () => finish("replaced") }, "用建议替换"),
          kind === "look" ? null : make("button", { type: "button", class: "last", onclick: send }, "仍要发送")));
      dialog.addEventListener("keydown", (event) => {
        if (event.key === "Escape") { event.preventDefault(); finish("withheld"); }
        if (event.key === "Enter" && event.repeat) event.preventDefault(); // the key that sent is still down
        if (event.key === "Tab") wrap(dialog, event);
        if (event.key === "Enter" && event.target === reason && !event.isComposing && event.keyCode !== 229) {
          event.preventDefault(); // or the key would press whatever has the focus next
          send();
        }
      });
      root.append(dialog);
      dialog.showModal();
      dialog.querySelector(".first").focus();
    });
  }

  /** Keep the focus inside: after the last button comes the first. */
  function wrap(dialog, event) {
    const stops = [...dialog.querySelectorAll("[tabindex], button, input")];
    const at = stops.indexOf(dialog.getRootNode().activeElement);
    event.preventDefault();
    stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length].focus();
  }

  // --- attaching ---------------------------------------------------------------------------------------------------

  function checked(given) {
    const { box, ...rest } = given;
    for (const name of Object.keys(rest)) if (!(name in DEFAULTS)) throw new TypeError(`kefulintGuard: unknown option '${name}', expected one of ${Object.keys(DEFAULTS).join(", ")}`);
    const options = { ...DEFAULTS, ...rest };
    for (const [name, allowed] of Object.entries(CHOICES)) if (!allowed.includes(options[name])) throw new TypeError(`kefulintGuard: ${name} is '${options[name]}', expected ${allowed.join(" or ")}`);
    for (const name of ["timeout", "debounce"]) if (!(options[name] >= 0)) throw new TypeError(`kefulintGuard: ${name} is '${options[name]}', expected milliseconds`);
    if (!options.server && !options.transport) throw new TypeError("kefulintGuard: no server, expected its address");
    if (options.server) options.server = new URL(options.server.replace(/\/?$/, "/"), location.href).href;
    if (options.platform) options.platforms = [options.platform];
    return options;
  }

  /** Guard a box, given as an element or a selector (which survives tools that replace their box). Returns detach(). */
  function attach(target, given = {}) {
    const options = checked(given);
    const host = make("kefulint-guard");
    const root = host.attachShadow({ mode: "open" });
    dress(root, STYLE);
    const sign = make("button", { type: "button", class: "sign", hidden: true, onclick: look });
    const said = make("span", { role: "status", class: "said" });
    const card = make("div", { class: "card", role: "tooltip", hidden: true });
    said.style.cssText = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
    root.append(sign, said, card);
    document.documentElement.append(host);
    const asking = asker(options), ending = new AbortController();
    let box = null, painter = null, text = "", marks = [], answer = null, trouble = "", why = "";
    let timer = 0, retry = 0, frame = 0, composing = false, passing = false, gating = false, pressed = false, letGo = { key: "", until: 0 };
    const record = recorder(options, (why) => { trouble = why; show(); });
    const on = (name, listener, where = window) => where.addEventListener(name, listener, { capture: true, signal: ending.signal });

    /** The box an event is about; else the one that was there, or the first. */
    function find(event) {
      if (typeof target !== "string") return target.isConnected ? target : null;
      const about = event && event.composedPath().find((node) => node.matches && node.matches(target));
      return about || (box && box.isConnected && box.matches(target) ? box : document.querySelector(target));
    }
    const sizes = new ResizeObserver(soon);

    /** Take up the box that is there now. */
    function settle(event) {
      const found = find(event);
      if (found === box) return;
      if (box) { painter.remove(); sizes.unobserve(box); }
      box = found;
      painter = box && (/^(TEXTAREA|INPUT)$/.test(box.tagName) ? fieldPainter(box, root) : editablePainter(box));
      text = "";
      marks = [];
      answer = null;
      if (box) { sizes.observe(box); read(); }
      show();
    }

    const question = (words) => {
      const body = { text: words.replace(LONE, "\ufffd"), channel: valueOf(options.channel) };
      try {
        const platforms = valueOf(options.platforms), turns = options.context();
        if (platforms.length) body.platforms = platforms;
        for (const name of ["agent", "shop", "session"]) if (valueOf(options[name])) body[name] = String(valueOf(options[name]));
        if (turns && turns.length) body.context = turns.slice(-50).map((turn) => ({ ...turn, text: turn.text.slice(0, 10000).replace(LONE, "\ufffd") }));
      } catch (error) { console.warn("kefulintGuard: the page's own context, platforms or names failed; checked without", error); }
      return body;
    };

    /** Take in what the box says now; ask about it once the agent pauses. */
    function read(event) {
      if (!box) return;
      const now = painter.text();
      if (now === text && !(event && event.type === "compositionend")) return;
      marks = moved(marks, text, now);
      text = now;
      painter.paint(marks);
      card.hidden = true;
      if (!text.trim()) { answer = null; marks = []; show(); }
      clearTimeout(timer);
      if (options.live && !composing && text.trim()) timer = setTimeout(live, options.debounce);
    }

    async function live() {
      clearTimeout(retry);
      const words = text;
      try { took(words, await asking.ask(question(words))); } catch (error) { failed(error); }
    }

    function took(words, found) {
      if (!found) return;
      trouble = "";
      if (words !== painter?.text()) return;
      answer = found;
      marks = marksOf(words, found);
      painter.paint(marks);
      show();
      if (options.onAnswer) options.onAnswer(found, words);
    }

    function failed(error) {
      why = error.message;
      trouble = `${why}：${options.onSlow === "open" ? "消息会不经检查发出" : "暂不能发送"}`;
      show();
      clearTimeout(retry);
      if (error.status !== 413 && error.status !== 422) retry = setTimeout(() => { if (text.trim() && !composing) live(); }, asking.rest());
    }

    function show() {
      const kind = answer && answer.verdict !== "none" && text.trim() ? answer.verdict : "";
      const words = trouble || (kind && !options.quiet ? `${{ block: "不要发送", confirm: "先确认", send: "提示" }[answer.decision]} · ${answer.findings.length} 处 · ${visible(answer.findings[0].message)}` : "");
      sign.hidden = !words || !box;
      sign.className = `sign ${trouble ? "away" : kind}`;
      sign.textContent = words.length > 60 ? `${words.slice(0, 59)}…` : words;
      if (said.textContent !== words) said.textContent = words;
      place();
    }

    function place() {
      frame = 0;
      if (!box) return;
      painter.place();
      const at = box.getBoundingClientRect();
      if (sign.hidden) return;
      sign.style.left = `${Math.max(4, Math.min(at.right, innerWidth) - sign.offsetWidth - 4)}px`;
      sign.style.top = `${at.top > sign.offsetHeight + 8 ? at.top - sign.offsetHeight - 4 : at.bottom + 4}px`;
    }

    function soon() { frame ||= requestAnimationFrame(place); }

    async function look() {
      if (!answer || gating) return;
      const words = text, offer = proposal(words, answer);
      const { choice } = await ask(root, answer, offer, "look");
      if (choice === "replaced" && painter.text() === words) painter.replace(offer);
    }

    /** Show the reason beside the words under the pointer or the caret. */
    function point(inside, near) {
      const hit = painter && marks.length ? painter.rects().find(inside) : null;
      card.hidden = !hit || !hit[0].length;
      if (card.hidden) return null;
      const at = hit[0].find(near) || hit[0][0];
      card.replaceChildren(describe(hit[1].finding, 2));
      card.style.left = `${Math.max(4, Math.min(at.left, innerWidth - card.offsetWidth - 4))}px`;
      card.style.top = `${at.bottom + card.offsetHeight + 8 < innerHeight ? at.bottom + 6 : Math.max(4, at.top - card.offsetHeight - 6)}px`;
      return hit[1].finding;
    }

    // --- sending ---

    /** Let the event go, or hold it and ask first. Says whether it was held. */
    function hold(event, release) {
      settle();
      if (passing || !box) return false;
      const words = painter.text();
      if (!words.trim()) return false;
      const key = JSON.stringify(question(words)), found = asking.known(key);
      if ((found && found.decision === "send") || (letGo.key === key && Date.now() < letGo.until)) return false;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!gating) gate(release);
      return true;
    }

    async function gate(release) {
      gating = true;
      try { while (await decide(release)); } finally { gating = false; }
    }

    /** Judge the text once. Returns true when it changed meanwhile and must be judged again. */
    async function decide(release) {
      const words = painter.text(), body = question(words), key = JSON.stringify(body);
      clearTimeout(timer);
      const found = await judged(body, key);
      if (!box || !painter.text().trim()) return false;
      if (painter.text() !== words) return true;
      if (found instanceof Error) return unjudged(found, key, release);
      if (!found) return true;
      took(words, found);
      if (found.decision === "send") return go(key, release);
      const offer = proposal(words, found);
      card.hidden = true;
      const { choice, reason } = await ask(root, found, offer, found.decision);
      if (painter.text() !== words) return choice === "sent";
      record({ ...body, decision: choice, ...(choice === "sent" && { reason: reason || "已确认" }), ...(choice === "replaced" && { sent_text: offer }) });
      if (choice === "replaced") painter.replace(offer);
      return choice === "sent" ? go(key, release) : false;
    }

    /** Return the answer in time, or the error that stands for it. */
    function judged(body, key) {
      if (options.onSlow === "open" && asking.rest() && !asking.known(key)) return new Unanswered(why);
      const waits = setTimeout(() => { sign.hidden = false; sign.className = "sign"; sign.textContent = "检查中…"; place(); }, 150);
      const slow = later(options.timeout).then(() => { throw new Unanswered("检查服务太慢"); });
      return Promise.race([asking.ask(body, key), slow]).catch((error) => error).finally(() => clearTimeout(waits));
    }

    function unjudged(error, key, release) {
      failed(error);
      if (options.onSlow === "closed") return false;
      trouble = `${error.message}：上一条未经检查就发送了`;
      show();
      return go(key, release);
    }

    function go(key, release) {
      letGo = { key, until: Date.now() + 1000 };
      passing = true;
      try { options.release ? options.release() : release(); } finally { passing = false; }
      setTimeout(read);
      return false;
    }

    // --- events ---

    const within = (event) => box && event.composedPath().includes(box);

    function keydown(event) {
      if (event.key !== "Enter" || passing) return;
      settle(event);
      pressed = false;
      if (!within(event)) return;
      if (event.isComposing || composing || event.keyCode === 229) return event.stopImmediatePropagation(); // the input method's own Enter
      const control = event.ctrlKey || event.metaKey;
      if (event.repeat && gating) return event.preventDefault(), event.stopImmediatePropagation();
      const sends = !event.shiftKey && !event.altKey && options.enter !== "none" && (options.enter !== "ctrl" || control);
      pressed = !sends || !hold(event, () => again(event));
    }

    /** Give the page its Enter: the three events of a key, and what the browser would have done after them. */
    function again(event) {
      const at = event.composedPath()[0] || box;
      const init = { key: "Enter", code: event.code || "Enter", keyCode: 13, which: 13, charCode: 0, ctrlKey: event.ctrlKey, metaKey: event.metaKey, bubbles: true, cancelable: true, composed: true, view: window };
      const target = at.isConnected ? at : box;
      const went = target.dispatchEvent(new KeyboardEvent("keydown", init)) && target.dispatchEvent(new KeyboardEvent("keypress", { ...init, charCode: 13 }));
      target.dispatchEvent(new KeyboardEvent("keyup", init));
      if (!went || !box || !box.isConnected) return;
      if (box.tagName === "INPUT") { if (box.form) box.form.requestSubmit(); } else typed(box, "\n");
    }

    function clicked(event) {
      const button = options.sendButton;
      const hit = button && event.composedPath().find((node) => (typeof button === "string" ? node.matches && node.matches(button) : node === button));
      if (!hit) return;
      const at = event.composedPath()[0];
      hold(event, () => (event.type === "click" && at.click ? at.click() : at.dispatchEvent(new event.constructor(event.type, event))));
    }

    on("focusin", settle);
    on("focusout", () => { card.hidden = true; });
    on("input", (event) => { settle(event); if (within(event)) read(event); });
    on("compositionstart", (event) => { if (within(event)) { composing = true; clearTimeout(timer); } });
    on("compositionend", (event) => { if (within(event)) { composing = false; setTimeout(read, 0, event); } });
    on("keydown", keydown);
    on("keyup", (event) => {
      if (event.key === "Enter" && !pressed && !passing && within(event)) event.stopImmediatePropagation(); // of a key that was held back
      if (!within(event)) return;
      read();
      const at = painter.caret(), found = point(([, mark]) => at > mark.start && at < mark.end, () => true);
      if (found) said.textContent = visible(found.message);
    });
    for (const name of options.sendOn.split(" ")) on(name, clicked);
    on("click", () => setTimeout(read)); // canned replies are put in by script, without an input event
    on("submit", (event) => {
      const { target: form, submitter } = event;
      settle();
      if (box && form.contains(box)) hold(event, () => form.requestSubmit(submitter));
    });
    on("scroll", () => { card.hidden = true; soon(); });
    on("resize", soon);
    on("mousemove", (event) => {
      if (!within(event)) { if (box && event.target === document.documentElement) card.hidden = true; return; }
      const under = (at) => event.clientX >= at.left && event.clientX <= at.right && event.clientY >= at.top - 2 && event.clientY <= at.bottom + 2;
      requestAnimationFrame(() => point(([rects]) => rects.some(under), under));
    });
    on("mouseout", (event) => { if (within(event)) card.hidden = true; });
    for (const name of ["keydown", "keyup", "keypress", "click", "input"]) host.addEventListener(name, (event) => event.stopPropagation());
    const changes = new MutationObserver(() => { settle(); if (box) soon(); });
    changes.observe(document.documentElement, { childList: true, subtree: true });
    settle();

    const detach = () => {
      ending.abort();
      changes.disconnect();
      sizes.disconnect();
      clearTimeout(timer);
      clearTimeout(retry);
      if (painter) painter.remove();
      host.remove();
    };
    return Object.assign(detach, { recheck: () => { if (text.trim()) live(); }, select: (start, end) => painter && painter.select(start, end), replace: (words) => painter && painter.replace(words) });
  }

  /** Read a conversation from the page: each element that matches is a turn. */
  function turnsOf(selector, buyer) {
    return () => [...document.querySelectorAll(selector)].slice(-6).map((node) => ({ role: buyer && node.matches(buyer) ? "buyer" : "agent", text: node.textContent.trim() }));
  }

  /** Attach by the data attributes of the script element: data-box, data-send-button, data-platforms, … */
  function attachByData({ box, context, buyer, ...data }) {
    const options = {};
    for (const [name, value] of Object.entries(data)) {
      const like = DEFAULTS[name];
      options[name] = Array.isArray(like) ? value.split(/[\s,]+/).filter(Boolean) : typeof like === "number" ? Number(value) : typeof like === "boolean" ? value !== "false" : value;
    }
    if (context) options.context = turnsOf(context, buyer);
    attach(box, options);
  }

  window.kefulintGuard = { attach, make, visible, units, proposal, cost, source, HIDDEN, PLATFORMS, VERDICTS, CONFIDENCE };
  if (script && script.dataset.box) attachByData({ ...script.dataset });
})();
