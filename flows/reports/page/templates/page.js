// Search, filter and sort the worklist. Everything is in the page; nothing is requested from a server.
(() => {
  const table = document.getElementById("worklist");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const search = document.getElementById("search");
  const outcome = document.getElementById("outcome");
  const count = document.getElementById("count");

  function show() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const matches = wanted.every((word) => texts[i].includes(word)) && (!outcome.value || row.dataset.outcome === outcome.value);
      row.hidden = !matches;
      shown += matches ? 1 : 0;
    });
    count.textContent = `${shown} of ${rows.length} lines shown`;
  }

  function sort(header) {
    const down = header.getAttribute("aria-sort") ? header.getAttribute("aria-sort") === "ascending" : header.dataset.kind === "amount";
    const cell = (row) => row.cells[header.cellIndex].dataset.value;
    const isNumber = header.dataset.kind !== "text";
    const order = (a, b) => {
      const [x, y] = [cell(a), cell(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const ascending = isNumber ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
      return down ? -ascending : ascending;
    };
    rows.map((row, i) => [row, i]).sort((a, b) => order(a[0], b[0]) || a[1] - b[1]).forEach(([row]) => body.append(row));
    for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
  }

  for (const button of table.querySelectorAll("th button")) button.addEventListener("click", () => sort(button.closest("th")));
  search.addEventListener("input", show);
  outcome.addEventListener("change", show);
  document.getElementById("tools").hidden = false;
  show();
})();
