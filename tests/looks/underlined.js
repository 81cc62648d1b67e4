// Are just these words underlined in a text box?
(words) => {
  const mirror = document.querySelector("kefulint-guard")?.shadowRoot.querySelector(".mirror");
  const found = mirror && !mirror.hidden ? [...mirror.querySelectorAll("span")].map((span) => span.textContent) : [];
  return JSON.stringify(found) === JSON.stringify(words);
}
