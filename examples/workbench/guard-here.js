/* Load the guard as a script element with data attributes would; ?server=, ?token= and ?slow=closed change where and how. */
"use strict";
{
  const asked = new URLSearchParams(location.search);
  const script = document.createElement("script");
  script.src = new URL("guard.js", asked.get("server") || "http://127.0.0.1:8717/");
  Object.assign(script.dataset, {
    box: "#box:not([hidden]), #rich:not([hidden])", sendButton: "#send", platforms: "tmall", context: ".message", buyer: ".from-buyer",
    agent: "小禾", shop: "示例店铺", onSlow: asked.get("slow") || "open",
  });
  if (asked.get("token")) script.dataset.token = asked.get("token");
  document.head.append(script);
}
