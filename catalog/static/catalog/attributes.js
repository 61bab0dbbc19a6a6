/* Rows of attributes in a product's page: suggests values, and says in which unit and how a value is typed. */
"use strict";
{
    const WAIT_MS = 200;

    const hint = (kind, unit) => {
        if (kind === "NUMBER") return unit || "a number";
        return kind === "BOOLEAN" ? "yes or no" : "";
    };

    const watch = (row) => {
        const select = row.querySelector("[name$='-attribute']");
        const input = row.querySelector("[name$='-text']");
        if (!select || !input || input.list) return;
        const list = document.createElement("datalist");
        list.id = `${input.id}_values`;
        const note = document.createElement("span");
        note.className = "unit";
        note.id = `${input.id}_unit`;
        input.setAttribute("list", list.id);
        input.setAttribute("aria-describedby", note.id);
        input.after(list, note);

        const show = (kind, unit, values) => {
            note.textContent = hint(kind, unit);
            input.inputMode = kind === "NUMBER" ? "decimal" : "text";
            const texts = kind === "BOOLEAN" ? ["Yes", "No"] : values;
            list.replaceChildren(...texts.map((text) => new Option(text, text)));
        };

        let awaited = 0;
        const suggest = async () => {
            const mine = ++awaited;
            if (!select.value) {
                show("", "", []);
                return;
            }
            const place = select.dataset.suggestions.replace("/0/", `/${encodeURIComponent(select.value)}/`);
            try {
                const response = await fetch(`${place}?${new URLSearchParams({ term: input.value })}`);
                if (!response.ok || response.redirected) return;
                const { kind, unit, values } = await response.json();
                if (mine === awaited) show(kind, unit, values);
            } catch {
                // Without suggestions, because the network is away or the session has ended, values can still be typed.
            }
        };

        const chosen = select.selectedOptions[0];
        show(chosen?.dataset.kind ?? "", chosen?.dataset.unit ?? "", []);
        // The box of the admin tells its changes by jQuery.
        django.jQuery(select).on("change", suggest);
        input.addEventListener("focus", suggest);
        let timer = 0;
        input.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(suggest, WAIT_MS);
        });
        // On a slow network an attribute may have been made, or a value begun, before this script came.
        if ((chosen?.value && !chosen.dataset.kind) || document.activeElement === input) suggest();
    };

    const rows = (root) => root.querySelectorAll("#attribute_rows-group tr.form-row:not(.empty-form)").forEach(watch);

    document.addEventListener("DOMContentLoaded", () => rows(document));
    document.addEventListener("formset:added", (event) => {
        if (event.detail.formsetName === "attribute_rows") watch(event.target);
    });
}
