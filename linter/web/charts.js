/* Counts in, small SVG charts out, each with its figures as a table for who cannot see it. Colours come from the style sheet. */
import { make, visible } from "./common.js";

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Drawings are as wide as their place, so that their words keep their size. */
const inside = (figure) => Math.max(240, figure.clientWidth - 34);

/** A round figure that is not below the largest value. */
function ceiling(most) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return [1, 2, 5, 10].map((times) => times * unit).find((value) => value >= most) || 1;
}

/** Fill a figure: title, legend, drawing, and the same as a table. `series` is [[field, name, class], …]. */
function fill(figure, title, rows, series, drawing, told) {
  const legend = series.length < 2 ? null : make("ul", { class: "legend" }, ...series.map(([, name, kind]) => make("li", {}, make("i", { class: kind }), name)));
  const head = make("tr", {}, make("th", { scope: "col" }, "项"), ...series.map(([, name]) => make("th", { scope: "col", class: "number" }, name)));
  const body = rows.map((row) => make("tr", {}, make("th", { scope: "row" }, visible(row.name)), ...series.map(([field]) => make("td", { class: "number" }, String(row[field])))));
  figure.replaceChildren(make("div", { class: "bar wrap" }, make("figcaption", {}, make("h2", {}, title)), make("span", { class: "grow" }), legend),
    rows.length ? drawing : make("p", { class: "quiet empty" }, "这段时间没有记录"),
    rows.length ? make("details", {}, make("summary", {}, "看数字"), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}的数字` }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)))) : "");
  if (rows.length) { drawing.setAttribute("role", "img"); drawing.setAttribute("aria-label", told); }
}

/** Columns over time, stacked. */
export function columns(figure, title, rows, series) {
  const width = inside(figure), height = 190, left = 34, bottom = 22, top = 8;
  const total = (row) => series.reduce((sum, [field]) => sum + row[field], 0);
  const most = ceiling(Math.max(1, ...rows.map(total))), step = (width - left) / Math.max(rows.length, 1), unit = (height - bottom - top) / most;
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart" });
  for (const part of [0, 0.5, 1]) {
    const y = height - bottom - most * unit * part;
    drawing.append(shape("line", { x1: left, x2: width, y1: y, y2: y, class: "grid" }));
    if (Number.isInteger(most * part)) drawing.append(shape("text", { x: left - 6, y: y + 4, class: "end" }, most * part));
  }
  const every = Math.ceil(rows.length / ((width - left) / 64));
  rows.forEach((row, index) => {
    const x = left + index * step, wide = Math.min(step * 0.7, 44);
    let y = height - bottom;
    const column = shape("g", {});
    column.append(shape("title", {}, `${row.name}：${series.map(([field, name]) => `${name} ${row[field]}`).join("，")}`), shape("rect", { x, y: top, width: step, height: height - bottom - top, class: "catch" }));
    for (const [field, , kind] of series) {
      const tall = row[field] * unit;
      y -= tall;
      if (tall) column.append(shape("rect", { x: x + (step - wide) / 2, y, width: wide, height: tall, class: kind }));
    }
    if (index % every === 0) column.append(shape("text", { x: x + step / 2, y: height - 6, class: "middle" }, row.name.slice(5).replace("-", "/")));
    drawing.append(column);
  });
  fill(figure, title, rows, series, drawing, `${title}：${rows.length} 天，共 ${rows.reduce((sum, row) => sum + total(row), 0)} 次`);
}

/** Bars, the longest first; the rest is counted. */
export function bars(figure, title, rows, series, most = 8) {
  const total = (row) => series.reduce((sum, [field]) => sum + row[field], 0);
  const sorted = [...rows].sort((a, b) => total(b) - total(a)), shown = sorted.slice(0, most);
  const width = inside(figure), line = 26, left = Math.min(170, width * 0.4), unit = (width - left - 46) / Math.max(1, ...shown.map(total));
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${Math.max(1, shown.length) * line}`, class: "chart" });
  shown.forEach((row, index) => {
    let x = left;
    const bar = shape("g", {}), name = visible(row.name);
    bar.append(shape("title", {}, `${name}：${series.map(([field, title]) => `${title} ${row[field]}`).join("，")}`));
    bar.append(shape("text", { x: left - 8, y: index * line + 17, class: "end name" }, name.length > 11 ? `${name.slice(0, 10)}…` : name));
    for (const [field, , kind] of series) {
      bar.append(shape("rect", { x, y: index * line + 5, width: row[field] * unit, height: line - 10, class: kind }));
      x += row[field] * unit;
    }
    bar.append(shape("text", { x: x + 6, y: index * line + 17 }, total(row)));
    drawing.append(bar);
  });
  const rest = sorted.length - shown.length;
  fill(figure, rest > 0 ? `${title}（前 ${most}，另 ${rest}）` : title, sorted, series, drawing, `${title}：${shown.slice(0, 3).map((row) => `${visible(row.name)} ${total(row)}`).join("，")}`);
}
