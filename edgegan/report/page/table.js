// A table that its heads sort.

// columns: [{head, value(row), show(row) or undefined, text: true for words}]; row.kind is a class.
function sortable(caption, columns, rows) {
  const body = make("tbody");
  const heads = columns.map((column, index) => {
    const button = make("button", { type: "button" }, column.head);
    const head = make("th", { scope: "col", "aria-sort": "none", class: column.text ? "text" : "" }, button);
    button.addEventListener("click", () => sort(index, head));
    return head;
  });
  function show(order) {
    body.replaceChildren(...order.map(row => make("tr", { class: row.kind || "" }, ...columns.map(column => {
      const shown = column.show ? column.show(row) : column.value(row);
      return make("td", { class: column.text ? "text" : "" }, shown === null || shown === undefined ? "–" : shown);
    }))));
  }
  function sort(index, head) {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach(other => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const value = columns[index].value, missing = v => v === null || v === undefined;
    show([...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (missing(x) || missing(y)) return missing(x) - missing(y);
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return rising ? order : -order;
    }));
  }
  show(rows);
  const table = make("table", {}, make("caption", { class: "faint text" }, caption), make("thead", {}, make("tr", {}, ...heads)), body);
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
}
