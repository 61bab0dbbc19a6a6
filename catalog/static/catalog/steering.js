/* Lists of products in search rules (add, order, take out), and the preview of synonyms and rules. */
"use strict";
{
    const add = (box, id, text) => {
        const list = box.querySelector("ol");
        if (list.querySelector(`input[value="${CSS.escape(id)}"]`)) return;
        const item = box.querySelector("template").content.cloneNode(true).firstElementChild;
        const input = item.querySelector("input");
        input.name = box.dataset.name;
        input.value = id;
        item.querySelector(".product").textContent = text;
        list.append(item);
    };

    const move = (item, by) => {
        const other = by < 0 ? item.previousElementSibling : item.nextElementSibling;
        if (other) other[by < 0 ? "before" : "after"](item);
    };

    const watchProducts = (box) => {
        // Scripts may come in any order, so jQuery is there only now.
        const $ = django.jQuery;
        let dragged = null;
        $(box).on("select2:select", "select", (event) => {
            add(box, event.params.data.id, event.params.data.text);
            $(event.target).val(null).trigger("change");
        });
        box.addEventListener("click", (event) => {
            const button = event.target.closest("button");
            if (!button) return;
            const item = button.closest("li");
            if ("remove" in button.dataset) {
                item.remove();
                return;
            }
            move(item, Number(button.dataset.move));
            button.focus();
        });
        box.addEventListener("dragstart", (event) => {
            dragged = event.target.closest("li");
            event.dataTransfer.effectAllowed = "move";
        });
        box.addEventListener("dragend", () => { dragged = null; });
        box.addEventListener("dragover", (event) => {
            const item = event.target.closest("li");
            if (!dragged || !item || item === dragged) return;
            event.preventDefault();
            const { top, height } = item.getBoundingClientRect();
            item[event.clientY < top + height / 2 ? "before" : "after"](dragged);
        });
    };

    const watchPreview = (box) => {
        const results = box.querySelector(".results");
        const form = box.closest("form");
        let awaited = 0;
        const show = async () => {
            // Answers may come in another order than they were asked for.
            const mine = ++awaited;
            results.textContent = "Searching …";
            try {
                const body = new URLSearchParams(new FormData(form));
                const response = await fetch(box.dataset.preview, { method: "POST", body });
                // A redirect leads to the sign-in page: the session has ended.
                if (!response.ok || response.redirected) throw new Error(response.redirected ? "signed out" : response.status);
                const found = await response.text();
                if (mine === awaited) results.innerHTML = found;
            } catch (error) {
                if (mine === awaited) results.textContent = `The preview failed (${error.message}). Reload the page and try again.`;
            }
        };
        box.querySelector("button").addEventListener("click", show);
        box.querySelector("input").addEventListener("keydown", (event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            show();
        });
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll(".products").forEach(watchProducts);
        document.querySelectorAll("[data-preview]").forEach(watchPreview);
    });
}
