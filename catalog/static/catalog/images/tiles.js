/* Images in a product's page: a tile for each image, with its picture, its text, its state and its buttons. */
"use strict";
{
    const SAVE_AFTER_MS = 800;
    const THUMBNAIL_PIXELS = 320;
    let made = 0;

    /** A small copy as a data: URI, which the Content-Security-Policy allows; null for a file that is no picture. */
    const thumbnail = async (file) => {
        try {
            const bitmap = await createImageBitmap(file);
            const scale = Math.min(1, THUMBNAIL_PIXELS / Math.max(bitmap.width, bitmap.height));
            const canvas = document.createElement("canvas");
            canvas.width = Math.max(1, bitmap.width * scale);
            canvas.height = Math.max(1, bitmap.height * scale);
            const context = canvas.getContext("2d");
            context.fillStyle = "white";
            context.fillRect(0, 0, canvas.width, canvas.height);
            context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
            bitmap.close();
            return canvas.toDataURL("image/jpeg", 0.8);
        } catch {
            return null;
        }
    };

    // One at a time: twenty decoded photos would fill a phone's memory.
    let drawing = Promise.resolve();

    class Tile {
        constructor(zone, item) {
            this.zone = zone;
            this.item = item;
            this.text = item.querySelector("textarea");
            this.was = item.querySelector("input[type=hidden]");
            item.tile = this;
            if (this.text) {
                // What a failed validation shows again is not saved yet, and the page's Save takes it along.
                this.text.addEventListener("input", () => this.typed());
                this.text.addEventListener("change", () => this.saveText());
            }
            this.refresh();
        }

        static create(zone, { name = "", alt = "" } = {}) {
            const item = zone.box.querySelector("template").content.firstElementChild.cloneNode(true);
            const tile = new Tile(zone, item);
            tile.item.querySelector(".image-name").textContent = name;
            tile.text.id = `images-new-${made += 1}`;
            item.querySelector("label").htmlFor = tile.text.id;
            tile.text.value = alt;
            zone.list.append(item);
            zone.changed();
            return tile;
        }

        get id() { return this.item.dataset.id ?? null; }
        get label() { return this.text?.value.trim() || this.item.querySelector(".image-name").textContent || "photo"; }
        part(name) { return this.item.querySelector(`.image-${name}`); }
        button(name) { return this.item.querySelector(`[data-do="${name}"]`); }
        url(action) { return `${this.zone.root}${this.id}/${action}/`; }
        flag(name, on) { this.item.toggleAttribute(`data-${name}`, Boolean(on)); }
        has(name) { return this.item.hasAttribute(`data-${name}`); }

        picture(url) {
            const picture = this.part("picture");
            if (picture.querySelector("img")?.getAttribute("src") === url) return;
            const image = new Image();
            image.alt = "";
            image.draggable = false;
            image.src = url;
            picture.replaceChildren(image);
        }

        /** Shows a small copy of the file, until the server has one. */
        sketch(file) {
            this.file = file;
            drawing = drawing.then(async () => {
                const url = await thumbnail(file);
                if (url && this.file === file) this.picture(url);
            });
        }

        say(text, isError = false) {
            const state = this.part("state");
            state.textContent = text;
            state.classList.toggle("image-error", isError);
        }

        progress(percent) {
            const bar = this.item.querySelector("progress");
            bar.hidden = percent === null;
            bar.value = percent ?? 0;
        }

        /** Takes over what the server says about the image. A text that is being edited stays. */
        show(image) {
            if (!this.id) {
                const { prefix } = this.zone.box.dataset;
                this.item.dataset.id = image.id;
                if (this.text) {
                    this.text.name = `${prefix}-${image.id}-alt`;
                    this.was.name = `${prefix}-${image.id}-alt_was`;
                    this.was.value = image.alt;
                    this.text.value ||= image.alt;
                }
            }
            if (this.text) this.text.disabled = !this.zone.mayChange;
            if (this.text && !this.isEdited) {
                this.text.value = image.alt;
                this.was.value = image.alt;
            }
            this.flag("waiting", image.is_waiting);
            this.flag("failed", image.has_failed);
            this.flag("replacement", image.is_replacement);
            // While the new picture is on its way its sketch stays; then the server's takes its place.
            if (image.url && !(image.is_replacement && this.file)) this.picture(image.url);
            if (!image.is_waiting) this.file = null;
            this.say(image.state, image.has_failed);
            this.part("name").textContent = "";
            this.part("details").href = `${this.zone.root}${image.id}/change/`;
            this.part("details").hidden = false;
            this.progress(null);
            this.refresh();
        }

        refresh() {
            const { mayChange, mayDelete } = this.zone;
            const isStored = Boolean(this.id);
            const isOurs = !isStored && !this.has("busy");
            const shown = {
                drag: isStored ? mayChange : true,
                earlier: isStored ? mayChange : true,
                later: isStored ? mayChange : true,
                retry: isStored ? mayChange && this.has("failed") : this.has("retriable"),
                keep: isStored && mayChange && this.has("replacement"),
                replace: isStored && mayChange && !this.has("busy"),
                delete: isStored ? mayDelete : isOurs,
            };
            if (this.has("refused")) shown.drag = shown.earlier = shown.later = false;
            for (const [name, isShown] of Object.entries(shown)) {
                const button = this.button(name);
                if (button) button.hidden = !isShown;
            }
            const remove = this.button("delete");
            if (remove) remove.textContent = isStored || !this.has("refused") ? "Delete" : "Take off the list";
        }

        get isEdited() { return this.text && this.text.value.split(/\s+/).join(" ").trim() !== this.was.value; }

        typed() {
            clearTimeout(this.timer);
            this.sayText("");
            if (this.id) this.timer = setTimeout(() => this.saveText(), SAVE_AFTER_MS);
        }

        sayText(text, isError = false) {
            const state = this.part("text-state");
            state.textContent = text;
            state.classList.toggle("image-error", isError);
        }

        /** Saves the text. What is typed while that is under way is saved after it. */
        async saveText() {
            clearTimeout(this.timer);
            if (!this.id || !this.isEdited || this.isSaving) return;
            const { value } = this.text;
            this.isSaving = true;
            this.sayText("Saving …");
            try {
                const { image } = await Photos.send(this.url("text"), { alt: value, was: this.was.value });
                this.was.value = image.alt;
                this.sayText("Saved");
            } catch (error) {
                this.sayText(`Not saved: ${error.message}`, true);
                if (error.code === "VERSION_CONFLICT") await this.conflict();
                else if (error.code === "NOT_FOUND") this.zone.gone(this);
                else if (error.mayRetry) this.offer("Try again", () => this.saveText());
                return;
            } finally {
                this.isSaving = false;
            }
            if (this.isEdited) this.typed();
        }

        /** Somebody else's text is what the next change replaces, knowingly. */
        async conflict() {
            const { images } = await Photos.send(this.zone.url());
            const image = images.find(({ id }) => String(id) === this.id);
            if (!image) {
                this.zone.gone(this);
                return;
            }
            this.was.value = image.alt;
            this.offer("Save mine", () => this.saveText());
            this.offer("Take theirs", () => {
                this.text.value = image.alt;
                this.sayText("");
            });
        }

        /** A button beside what was said about the text. */
        offer(name, work) {
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = name;
            button.addEventListener("click", work);
            this.part("text-state").append(" ", button);
        }

        ask(isAsked) {
            this.part("question").hidden = !isAsked;
            this.part("buttons").hidden = isAsked;
            (isAsked ? this.button("cancel") : this.button("delete")).focus();
        }

        remove() {
            const next = this.item.nextElementSibling ?? this.item.previousElementSibling;
            const hadFocus = this.item.contains(document.activeElement);
            clearTimeout(this.timer);
            this.item.remove();
            if (hadFocus) (next?.querySelector("button:not([hidden])") ?? this.zone.input)?.focus();
            this.zone.changed();
        }
    }

    Photos.Tile = Tile;
}
