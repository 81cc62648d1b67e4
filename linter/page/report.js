"use strict";
// Tables sort and filter; the table of findings is drawn from the data in the page, a hundred rows at a time.
(() => {
  const order = new Intl.Collator("zh-CN", { numeric: true });
  const number = (text) => {
    const found = text.replace(/[,，‰%+≥≤秒天近 ]/g, "");
    return found !== "" && !Number.isNaN(Number(found)) ? Number(found) : null;
  };
  // Numbers by size, texts by their sound, "unknown" and "—" always last.
  const compare = (one, other, up) => {
    const [a, b] = [number(one), number(other)];
    if (a !== null && b !== null) return up ? a - b : b - a;
    if (a !== null || b !== null) return a !== null ? -1 : 1;
    return up ? order.compare(one, other) : order.compare(other, one);
  };
  const sortable = (table, sort) => {
    table.querySelectorAll("thead button").forEach((button) => {
      button.addEventListener("click", () => {
        const head = button.parentElement;
        const first = head.classList.contains("n") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const next = head.getAttribute("aria-sort") === first ? other : first;
        table.querySelectorAll("thead th").forEach((th) => th.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        sort(head.cellIndex, next === "ascending");
      });
    });
  };

  // Long tables show their first rows until asked for all, or searched.
  const FIRST = 15;
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    const input = document.querySelector(`input[data-for="${table.id}"]`);
    const told = document.querySelector(`output[data-of="${table.id}"]`);
    const all = document.createElement("button");
    let whole = body.rows.length <= FIRST + 5;
    const show = () => {
      const words = input ? input.value.trim().toLowerCase() : "";
      let found = 0;
      for (const row of body.rows) {
        const fits = row.textContent.toLowerCase().includes(words);
        found += fits ? 1 : 0;
        row.hidden = !fits || (!whole && !words && found > FIRST);
      }
      if (told) told.textContent = `${found} 行`;
      all.hidden = whole || words !== "";
    };
    all.type = "button";
    all.className = "all";
    all.textContent = `显示全部 ${body.rows.length} 行`;
    all.addEventListener("click", () => {
      whole = true;
      show();
    });
    table.parentElement.after(all);
    const text = (row, column) => row.cells[column].textContent.trim();
    sortable(table, (column, up) => {
      const rows = Array.from(body.rows);
      rows.sort((one, other) => compare(text(one, column), text(other, column), up));
      body.append(...rows);
      show();
    });
    if (input) input.addEventListener("input", show);
    show();
  });

  const data = JSON.parse(document.getElementById("data").textContent);
  const [VERDICT, RULE, BEFORE, WORDS, AFTER, AGENT, SHOP, PLATFORM, TIME, SESSION, PLACE] = Array(11).keys();
  const table = document.getElementById("table-findings");
  const [seek, verdict, rule] = ["seek", "verdict", "rule"].map((id) => document.getElementById(id));
  const [shown, more] = ["shown", "more"].map((id) => document.getElementById(id));
  const grave = ["error", "warning", "info"];
  const columns = [
    (row) => String(grave.indexOf(row[VERDICT])), (row) => data.rules[row[RULE]],
    (row) => row[BEFORE] + row[WORDS] + row[AFTER], (row) => row[AGENT], (row) => row[SHOP],
    (row) => data.platforms[row[PLATFORM]], (row) => row[TIME], (row) => row[SESSION], (row) => row[PLACE],
  ];
  const whole = new Map(data.rows.map((row) => [row, columns.map((of) => of(row)).join("\n").toLowerCase()]));
  let rows = data.rows;
  let drawn = 0;

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const line = (row) => {
    const made = element("tr");
    const tag = element("td");
    tag.append(element("span", data.verdicts[row[VERDICT]], `tag ${row[VERDICT]}`));
    const name = element("td");
    const link = element("a", data.rules[row[RULE]]);
    link.href = `#rule-${row[RULE]}`;
    name.append(link);
    const said = element("td", undefined, "text");
    const own = element("bdi");
    own.append(row[BEFORE], element("mark", row[WORDS], row[VERDICT]), row[AFTER]);
    said.append(own);
    made.append(tag, name, said);
    for (const of of columns.slice(3)) {
      const cell = element("td");
      cell.append(element("bdi", of(row)));
      made.append(cell);
    }
    return made;
  };
  const draw = (upTo) => {
    table.tBodies[0].append(...rows.slice(drawn, upTo).map(line));
    drawn = Math.min(upTo, rows.length);
    more.hidden = drawn >= rows.length;
    shown.textContent = `${rows.length} 处，显示 ${drawn} 处`;
  };
  const again = () => {
    const words = seek.value.trim().toLowerCase();
    rows = data.rows.filter((row) =>
      (!verdict.value || row[VERDICT] === verdict.value) && (!rule.value || row[RULE] === rule.value)
      && whole.get(row).includes(words));
    table.tBodies[0].replaceChildren();
    drawn = 0;
    draw(100);
  };
  sortable(table, (column, up) => {
    data.rows.sort((one, other) => compare(columns[column](one), columns[column](other), up));
    again();
  });
  [seek, verdict, rule].forEach((input) => input.addEventListener("input", again));
  more.addEventListener("click", () => draw(drawn + 100));
  again();

  const lessons = Array.from(document.querySelectorAll("details"));
  const reveal = () => {
    const aim = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (aim instanceof HTMLDetailsElement) {
      aim.open = true;
      aim.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest('a[href^="#rule-"]');
    if (link && link.hash === location.hash) reveal();
  });
  reveal();
  document.getElementById("open-all")?.addEventListener("click", () => lessons.forEach((one) => { one.open = true; }));
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = lessons.filter((one) => !one.open && one.classList.contains("lesson"));
    closed.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
})();
