"use strict";
{
  // Without this script the page shows all samples; with it they can be filtered and sorted.
  const form = document.querySelector("form");
  const body = document.querySelector(".samples tbody");
  const shown = document.querySelector(".shown");
  if (form && body && shown) {
    const rows = [...body.rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const places = new Map(rows.map((row, index) => [row, index]));

    const filter = () => {
      const wanted = form.elements.search.value.toLowerCase();
      const marks = new Set([...form.querySelectorAll("[name=mark]:checked")].map((box) => box.value));
      let count = 0;
      rows.forEach((row, index) => {
        const fits = (!row.dataset.mark || marks.has(row.dataset.mark)) && texts[index].includes(wanted);
        row.hidden = !fits;
        count += fits ? 1 : 0;
      });
      shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    };

    const sort = () => {
      const [key, direction] = form.elements.sort.value.split(" ");
      const value = (row) => (key === "place" ? places.get(row) : Number(row.dataset[key] ?? NaN));
      const ordered = [...rows].sort((a, b) => {
        const [left, right] = [value(a), value(b)];
        if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right);
        return direction === "down" ? right - left : left - right;
      });
      ordered.forEach((row) => body.append(row));
    };

    form.hidden = false;
    form.addEventListener("input", filter);
    form.elements.sort.addEventListener("change", sort);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }
}
