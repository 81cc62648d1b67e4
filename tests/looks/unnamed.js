// Every control has a name, every picture a text, ids are single and lead somewhere, one main heading, a language.
() => {
  const CONTROLS = "button, a, input, select, textarea, [role=region], dialog, svg[role=img]";
  const text = (node) => Boolean(node && node.textContent.trim());
  const named = (node) =>
    node.getAttribute("aria-label") || text(node) || node.title || [...(node.labels || [])].some(text) ||
    (node.getAttribute("aria-labelledby") || "").split(" ").some((id) => text(document.getElementById(id)));
  const shown = (node) => node.outerHTML.slice(0, 120);
  const wrong = [...document.querySelectorAll(CONTROLS)].filter((node) => !named(node)).map(shown);
  wrong.push(...[...document.querySelectorAll("img:not([alt]), [tabindex]:not([tabindex='0']):not([tabindex='-1'])")].map(shown));
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  wrong.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `#${id} twice`));
  for (const name of ["aria-labelledby", "aria-describedby", "for"]) {
    for (const node of document.querySelectorAll(`[${name}]`)) {
      for (const id of node.getAttribute(name).split(" ")) if (!document.getElementById(id)) wrong.push(`${name}=${id} leads nowhere`);
    }
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (!document.documentElement.lang) wrong.push("no language");
  return wrong;
}
