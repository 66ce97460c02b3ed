// Shows HTML that Python made and escaped, keeps the place to which the learner has scrolled, and binds each control
// that Python named after a trait to that trait.
export default {
  render({ model, el }) {
    el.classList.add("course-view");
    const bar = el.appendChild(document.createElement("div"));
    bar.innerHTML = model.get("controls");
    for (const control of bar.querySelectorAll("[name]")) {
      const field = control.type === "checkbox" ? "checked" : "value";
      const read = () => {
        const value = model.get(control.name);
        if (control[field] !== value) control[field] = value;
      };
      control.dataset.lmSuppressShortcuts = "true"; // keys are its own, not the notebook's
      control.addEventListener("input", () => {
        model.set(control.name, control.type === "range" ? +control.value : control[field]);
        model.save_changes();
      });
      for (const name of ["keydown", "keypress", "keyup"]) control.addEventListener(name, (event) => event.stopPropagation());
      model.on(`change:${control.name}`, read);
      read();
    }
    const place = el.appendChild(document.createElement("div"));
    place.setAttribute("role", "group");
    if (bar.innerHTML) place.setAttribute("aria-live", "polite");
    place.setAttribute("aria-label", model.get("title"));
    const show = () => {
      const before = place.querySelector("pre");
      const [top, follows] = [before?.scrollTop ?? 0, before && before.scrollTop + before.clientHeight >= before.scrollHeight - 4];
      place.innerHTML = model.get("html");
      const after = place.querySelector("pre");
      if (after) after.scrollTop = follows ? after.scrollHeight : top;
    };
    model.on("change:html", show);
    show();
  },
};
