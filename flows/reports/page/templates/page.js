// Search, filter, sort and save the worklist. Everything is in the page; nothing is requested from a server.
(() => {
  const table = document.getElementById("worklist");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const texts = rows.map((row) => `${row.textContent} ${row.dataset.ids}`.toLowerCase());
  const headers = Array.from(table.tHead.rows[0].cells);
  const search = document.getElementById("search");
  const filters = Array.from(document.querySelectorAll("[data-filter]"));
  const count = document.getElementById("count");
  const inDollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

  const cents = (row) => Number((row.dataset.amount || "0").replace(".", ""));
  const passes = (row, filter) => !filter.value || row.dataset[filter.dataset.filter].split(" ").includes(filter.value);

  function show() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => {
      row.hidden = !(wanted.every((word) => texts[i].includes(word)) && filters.every((filter) => passes(row, filter)));
    });
    const shown = rows.filter((row) => !row.hidden);
    const sum = inDollars.format(shown.reduce((total, row) => total + cents(row), 0) / 100);
    count.textContent = `${shown.length} of ${rows.length} lines shown, ${sum} at risk`;
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
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
  }

  // A cell that a spreadsheet would take for a formula begins with an apostrophe, as in the results.
  const field = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
  const shownText = (cell) => cell.textContent.replace(/\s+/g, " ").trim();

  function save() {
    const titles = [...headers.map(shownText), "Exception ids"];
    const lines = Array.from(body.rows).filter((row) => !row.hidden).map((row) => {
      const value = (cell, i) => (headers[i].dataset.kind === "amount" ? cell.dataset.value : shownText(cell));
      return [...Array.from(row.cells, value), row.dataset.ids];
    });
    const text = [titles, ...lines].map((line) => line.map(field).join(",") + "\r\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
    link.download = "worklist-shown.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  for (const button of table.querySelectorAll("th button")) button.addEventListener("click", () => sort(button.closest("th")));
  search.addEventListener("input", show);
  for (const filter of filters) filter.addEventListener("change", show);
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("tools").hidden = false;
  show();
})();
