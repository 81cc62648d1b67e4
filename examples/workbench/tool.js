/* A small agent's tool that knows nothing of kefulint: conversations, canned replies, Enter or the button sends. */
"use strict";
const $ = (id) => document.getElementById(id);
const people = [
  { name: "小雨同学", order: "订单 3 件 · 待发货", messages: [["buyer", "在吗，昨天拍的什么时候发呀"], ["agent", "在的亲，今天下午四点前安排发出"], ["buyer", "那能开发票吗"]] },
  { name: "老陈", order: "咨询 · 保温杯 500ml", messages: [["buyer", "这个杯子能便宜点不"], ["agent", "亲，您可以先领店铺券再拍"], ["buyer", "券太少了，加个好友聊呗"]] },
  { name: "momo", order: "订单 1 件 · 已签收", messages: [["buyer", "收到了，挺好看的"]] },
];
const canned = ["亲，在的，请问有什么可以帮您？", "亲，今天四点前付款的订单当天发出。", "亲，五星好评截图给我，返您 3 元红包哦", "亲，发票可以开的，请把抬头和税号发我。"];
let now = people[0];

function element(tag, className, text, children = []) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  made.append(...children);
  return made;
}

const box = () => ($("use-rich").checked ? $("rich") : $("box"));
const words = () => (box() === $("rich") ? $("rich").innerText : $("box").value);
function put(text) {
  if (box() === $("rich")) $("rich").textContent = text;
  else $("box").value = text;
  box().focus();
}

function draw() {
  $("name").textContent = now.name;
  $("order").textContent = now.order;
  $("messages").replaceChildren(...now.messages.map(([role, text]) => element("li", role === "buyer" ? "message from-buyer" : "message", text)));
  $("messages").lastElementChild.scrollIntoView({ block: "nearest" });
  $("people").replaceChildren(...people.map((one) => {
    const last = element("small", "", one.messages[one.messages.length - 1][1]);
    const button = element("button", "", one.name, [last]);
    button.setAttribute("aria-current", String(one === now));
    button.onclick = () => { now = one; put(""); draw(); };
    return element("li", "", "", [button]);
  }));
}

function send() {
  const text = words().trim();
  if (!text) return;
  now.messages.push(["agent", text]);
  put("");
  draw();
}

$("compose").addEventListener("submit", (event) => { event.preventDefault(); send(); });
for (const one of [$("box"), $("rich")]) {
  one.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
}
$("use-rich").addEventListener("change", () => {
  const rich = $("use-rich").checked;
  $("rich").hidden = !rich;
  $("box").hidden = rich;
  put("");
});
$("canned").append(...canned.map((text) => {
  const button = element("button", "", text);
  button.type = "button";
  button.onclick = () => put(text);
  return button;
}));
draw();
