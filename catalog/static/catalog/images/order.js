/* Images in a product's page: their order is changed by dragging (mouse, finger, pen), by keys and by buttons. */
"use strict";
{
    const THRESHOLD_PIXELS = 5;
    const EDGE_PIXELS = 60;
    const KEYS = {
        ArrowLeft: (at) => at - 1, ArrowUp: (at) => at - 1,
        ArrowRight: (at) => at + 1, ArrowDown: (at) => at + 1,
        Home: () => 0, End: (_, count) => count - 1,
    };

    /** Calls `onMoved(item)` once an item of the list was put elsewhere by its user. */
    const watch = (list, onMoved) => {
        let drag = null;

        const place = (item, target) => {
            const before = item.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_PRECEDING;
            target[before ? "before" : "after"](item);
        };

        const begin = (event) => {
            const item = event.target.closest("li.image");
            const handle = event.target.closest("[data-do=drag]");
            // A finger on a picture scrolls the page. The handle is for fingers too.
            const grabs = handle ?? (event.pointerType === "mouse" && event.target.closest(".image-picture"));
            if (!item || !grabs || event.button !== 0 || item.querySelector("[data-do=drag]")?.hidden !== false) return;
            drag = { item, x: event.clientX, y: event.clientY, next: item.nextElementSibling, pointer: event.pointerId };
        };

        const move = (event) => {
            if (!drag || event.pointerId !== drag.pointer) return;
            const { item } = drag;
            const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > THRESHOLD_PIXELS;
            if (!drag.isMoving && !far) return;
            drag.isMoving = true;
            item.classList.add("image-dragged");
            if (event.clientY < EDGE_PIXELS) window.scrollBy(0, -12);
            else if (event.clientY > window.innerHeight - EDGE_PIXELS) window.scrollBy(0, 12);
            const below = document.elementsFromPoint(event.clientX, event.clientY);
            const target = below.map((element) => element.closest("li.image")).find((other) => other && other !== item);
            if (target && target.parentElement === list) {
                // Past its middle only: tiles of different heights would jump to and fro.
                const { left, top, width, height } = target.getBoundingClientRect();
                const isRow = target.getBoundingClientRect().top === item.getBoundingClientRect().top;
                const isLater = item.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING;
                const share = isRow ? (event.clientX - left) / width : (event.clientY - top) / height;
                if (isLater ? share > 0.3 : share < 0.7) place(item, target);
            }
        };

        const end = (event, isCancelled) => {
            if (!drag || (event.pointerId !== undefined && event.pointerId !== drag.pointer)) return;
            const { item, next, isMoving } = drag;
            drag = null;
            item.classList.remove("image-dragged");
            if (isMoving && isCancelled) list.insertBefore(item, next);
            else if (isMoving && item.nextElementSibling !== next) onMoved(item);
        };

        /** Puts the item at a place, clamped; the focus stays. */
        const moveTo = (item, at) => {
            const others = [...list.children].filter((other) => other !== item);
            const from = [...list.children].indexOf(item);
            const to = Math.max(0, Math.min(at, others.length));
            if (to === from) return;
            const focused = document.activeElement;
            list.insertBefore(item, others[to] ?? null);
            focused?.focus();
            onMoved(item);
        };

        list.addEventListener("pointerdown", begin);
        // Not captured by the handle: the browser would end that when the tile is put elsewhere in the page.
        document.addEventListener("pointermove", move);
        document.addEventListener("pointerup", (event) => end(event, false));
        document.addEventListener("pointercancel", (event) => end(event, true));
        list.addEventListener("dragstart", (event) => event.preventDefault());
        list.addEventListener("keydown", (event) => {
            if (event.key === "Escape" && drag) {
                end({}, true);
                return;
            }
            const move = event.target.closest("[data-do=drag]") && KEYS[event.key];
            if (!move) return;
            event.preventDefault();
            const item = event.target.closest("li.image");
            moveTo(item, move([...list.children].indexOf(item), list.children.length));
        });
        list.addEventListener("click", (event) => {
            const step = { earlier: -1, later: 1 }[event.target.closest("[data-do]")?.dataset.do];
            const item = event.target.closest("li.image");
            if (step) moveTo(item, [...list.children].indexOf(item) + step);
        });
    };

    Photos.watchOrder = watch;
}
