// Take the underlines and the sign off the overlay, and wait until that is painted.
() => {
  const root = document.querySelector("kefulint-guard").shadowRoot, sheet = new CSSStyleSheet();
  sheet.replaceSync(".mirror span { text-decoration: none !important } .sign { visibility: hidden }");
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}
