// Note the longest time the page was busy from now on, in milliseconds.
() => {
  window.longest = 0;
  const note = (list) => { for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration); };
  new PerformanceObserver(note).observe({ type: "longtask", buffered: false });
}
