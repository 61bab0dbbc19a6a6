/* Images in a product's page: the zone that takes files, and what its tiles share. */
"use strict";
{
    const POLL_MS = [700, 1000, 1500, 2000, 3000, 5000];
    const GIVE_UP_MS = 5 * 60 * 1000;
    const ONLY_FILES = (event) => event.dataTransfer?.types.includes("Files");
    const random = () => [...crypto.getRandomValues(new Uint8Array(18))]
        .map((byte) => byte.toString(16).padStart(2, "0")).join("");

    class Zone {
        constructor(box) {
            const { dataset } = box;
            this.box = box;
            this.list = box.querySelector(".images-list");
            this.input = box.querySelector("input[type=file]");
            this.draft = box.querySelector("input[name$='-draft']");
            this.form = box.closest("form");
            this.root = dataset.root;
            this.product = dataset.product ?? null;
            this.maxBytes = Number(dataset.maxBytes);
            this.maxImages = Number(dataset.maxImages);
            this.mayChange = "mayChange" in dataset;
            this.mayDelete = "mayDelete" in dataset;
            // Grows with each change, so that an answer that was asked for before it is not believed.
            this.generation = 0;
            for (const item of this.list.children) new Photos.Tile(this, item);
            this.order = this.ids();
            this.uploads = new Photos.Uploads(this);
            this.watchTiles();
            if (this.input) this.watchFiles();
            this.watchLeaving();
            this.poll();
        }

        url(action = "") { return `${this.root}of/${this.product}/${action && `${action}/`}`; }
        tiles() { return [...this.list.children].map((item) => item.tile); }
        stored() { return this.tiles().filter((tile) => tile.id); }
        ids() { return this.stored().map((tile) => tile.id); }
        byId(id) { return this.tiles().find((tile) => tile.id === String(id)); }
        changed() { this.box.querySelector(".images-none").hidden = this.list.children.length > 0; }

        say(text, retry = null) {
            const said = this.box.querySelector(".images-said");
            said.textContent = text;
            said.classList.toggle("image-error", Boolean(retry));
            if (!retry) return;
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = "Try again";
            button.addEventListener("click", retry);
            said.append(" ", button);
        }

        gone(tile) {
            // Stays, whatever is said next.
            this.box.querySelector(".images-gone").append(`The photo “${tile.label}” was deleted by somebody else meanwhile. `);
            tile.remove();
        }

        watchTiles() {
            Photos.watchOrder(this.list, (item) => {
                const place = `${[...this.list.children].indexOf(item) + 1} of ${this.list.children.length}`;
                this.say(`“${item.tile.label}” is now photo ${place}.`);
                if (this.product) this.saveOrder(`“${item.tile.label}” is now photo ${place}. Saved.`);
            });
            const actions = {
                retry: (tile) => this.retry(tile),
                keep: (tile) => this.act(tile, "keep"),
                replace: (tile) => this.chooseReplacement(tile),
                delete: (tile) => (tile.id ? tile.ask(true) : tile.remove()),
                cancel: (tile) => tile.ask(false),
                confirm: (tile) => this.remove(tile),
            };
            this.list.addEventListener("click", (event) => {
                const action = actions[event.target.closest("[data-do]")?.dataset.do];
                if (action) action(event.target.closest("li.image").tile);
            });
            this.list.addEventListener("keydown", (event) => {
                const question = event.target.closest(".image-question");
                if (event.key === "Escape" && question) question.closest("li.image").tile.ask(false);
            });
        }

        watchFiles() {
            this.box.querySelector(".images-scripted").hidden = false;
            this.input.addEventListener("change", () => {
                this.add(this.input.files);
                // The page's form must not send them once more.
                this.input.value = "";
            });
            // What was chosen before this script came, on a slow network.
            if (this.input.files.length) this.input.dispatchEvent(new Event("change"));
            document.addEventListener("paste", (event) => {
                if (!event.clipboardData.files.length) return;
                event.preventDefault();
                this.add(event.clipboardData.files);
            });
            // The whole page takes files: elsewhere the browser would open them in the page's place.
            let depth = 0;
            const mark = (change) => {
                depth = Math.max(0, depth + change);
                this.box.classList.toggle("images-over", depth > 0);
            };
            document.addEventListener("dragenter", (event) => { if (ONLY_FILES(event)) mark(1); });
            document.addEventListener("dragleave", (event) => { if (ONLY_FILES(event)) mark(-1); });
            document.addEventListener("dragover", (event) => { if (ONLY_FILES(event)) event.preventDefault(); });
            document.addEventListener("drop", (event) => {
                mark(-depth);
                if (!ONLY_FILES(event)) return;
                event.preventDefault();
                const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
                const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
                this.add(items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile()));
                if (folders.length) this.say("A folder cannot be dropped: open it and drop the photos in it.");
            });
            this.restoreDraft();
        }

        add(files) {
            this.say("");
            for (const file of files) this.uploads.add(file);
            this.uploads.pump();
        }

        /** Goes on with photos that were chosen before the product was saved. */
        async restoreDraft() {
            const address = new URL(location.href);
            const draft = this.product ? address.searchParams.get("photos") : this.draft.value;
            if (!draft) return;
            this.isRestoring = true;
            try {
                for (const { file, alt } of await Photos.drafts.read(draft)) this.uploads.add(file, alt);
            } catch (error) {
                this.awaited = null;
                this.say(`The photos chosen before cannot be read (${error.message}): choose them again.`);
            } finally {
                this.isRestoring = false;
            }
            if (this.product) this.restored = draft;
            if (this.product && !this.uploads.isBusy) this.uploads.pump();
            this.ended(0);
        }

        /** Notes where the server has put a new image: last. Its ids grow, while its answers come in any order. */
        arrived(tile) {
            if (this.order.includes(tile.id)) return;
            let at = this.order.length;
            while (at > 0 && Number(this.order[at - 1]) > Number(tile.id)) at -= 1;
            this.order.splice(at, 0, tile.id);
        }

        uploadsEnded(told, refused) {
            // Told once the order is saved, too: whoever reads it may leave.
            if (this.ids().join() === this.order.join()) this.say(told);
            else this.saveOrder(told);
            if (this.restored && !this.tiles().some((tile) => tile.has("retriable"))) {
                Photos.drafts.forget(this.restored).catch(() => {});
                this.restored = null;
                history.replaceState(history.state, "", location.pathname);
            }
            this.ended(refused);
        }

        /** Saves the page that waited for uploads, replacements and others, once none is under way. */
        ended(refused) {
            const { awaited } = this;
            if (!awaited) return;
            awaited.isRefused ||= Boolean(refused);
            if (this.isBusy) return;
            this.awaited = null;
            if (awaited.isRefused) {
                this.say("The page is not saved yet, because of a photo: see why there. Save again to go on nevertheless.");
            } else {
                this.form.requestSubmit(awaited.button);
            }
        }

        get isBusy() {
            if (this.isRestoring || this.isOrdering || this.uploads.isBusy) return true;
            return this.tiles().some((tile) => tile.has("busy"));
        }

        watchLeaving() {
            this.form.addEventListener("submit", (event) => {
                const { submitter } = event;
                if (this.isLeaving) return;
                if (this.isBusy) {
                    event.preventDefault();
                    this.awaited = { button: submitter };
                    this.say("The page is saved as soon as its photos are …");
                } else if (!this.product && this.draft) {
                    const photos = this.tiles().filter((tile) => tile.upload && !tile.has("refused"));
                    if (!photos.length) {
                        this.draft.value = "";
                        return;
                    }
                    event.preventDefault();
                    if (this.isKeeping) return;
                    this.keepDraft(photos.map((tile) => ({ file: tile.upload, alt: tile.text.value })), submitter);
                } else {
                    this.isLeaving = true;
                }
            });
            window.addEventListener("pageshow", () => { this.isLeaving = false; });
            window.addEventListener("beforeunload", (event) => {
                const isUnsaved = this.isBusy || this.tiles().some((tile) => (tile.id ? tile.isEdited : tile.upload && !tile.has("refused")));
                if (isUnsaved && !this.isLeaving) event.preventDefault();
            });
        }

        async keepDraft(photos, submitter) {
            this.draft.value ||= random();
            this.isKeeping = true;
            try {
                await Photos.drafts.keep(this.draft.value, photos);
            } catch (error) {
                this.draft.value = "";
                this.say(
                    `This browser cannot keep the photos (${error.message}). Nothing is saved yet: save again without them, `
                    + "and add them afterwards.",
                );
                this.isLeaving = true;
                return;
            } finally {
                this.isKeeping = false;
            }
            this.isLeaving = true;
            this.form.requestSubmit(submitter);
        }

        /** Saves the order as it stands. A change that comes meanwhile is saved after it. */
        async saveOrder(saved = "") {
            this.isOrderWanted = true;
            this.savedText = saved;
            if (this.isOrdering) return;
            this.isOrdering = true;
            try {
                while (this.isOrderWanted) {
                    this.isOrderWanted = false;
                    const ids = this.ids();
                    if (!ids.length) break;
                    const { generation } = this;
                    const { images, missing } = await Photos.send(this.url("order"), { ids: ids.join() });
                    const isLatest = generation === this.generation && !this.isOrderWanted;
                    this.generation += 1;
                    if (this.savedText) this.say(this.savedText);
                    for (const id of missing) if (this.byId(id)) this.gone(this.byId(id));
                    if (isLatest) this.reconcile(images);
                }
            } catch (error) {
                const page = this.awaited ? " Nor is the page." : "";
                this.awaited = null;
                this.say(`The order is not saved: ${error.message}${page}`, () => this.saveOrder("The order is saved."));
            } finally {
                this.isOrdering = false;
            }
            this.ended(0);
        }

        /** Shows what the server has: images that others have added or deleted meanwhile, and new states. */
        reconcile(images) {
            const ids = images.map(({ id }) => String(id));
            for (const tile of this.stored()) if (!ids.includes(tile.id)) this.gone(tile);
            for (const image of images) {
                // One without a tile may be our own upload, whose answer is still under way.
                const tile = this.byId(image.id) ?? (this.uploads.isBusy ? null : Photos.Tile.create(this));
                tile?.show(image);
            }
            this.order = ids;
        }

        /** Asks for the state of images that the worker has not finished, more and more rarely, and not for ever. */
        poll(round = 0, since = Date.now()) {
            if (round === 0 && this.isPolling) {
                this.isPolledAnew = true;
                return;
            }
            this.isPolling = this.product && this.stored().some((tile) => tile.has("waiting"));
            if (!this.isPolling) return;
            if (Date.now() - since > GIVE_UP_MS) {
                this.isPolling = false;
                this.say("Photos still wait to be processed. Does the worker run?", () => { this.say(""); this.poll(); });
                return;
            }
            setTimeout(async () => {
                const { generation } = this;
                const before = this.stored().filter((tile) => tile.has("waiting")).length;
                try {
                    const { images } = await Photos.send(this.url());
                    if (generation === this.generation && !this.isOrdering) this.reconcile(images);
                } catch {
                    // The next round asks again.
                }
                const isNews = this.isPolledAnew || this.stored().filter((tile) => tile.has("waiting")).length !== before;
                this.isPolledAnew = false;
                this.poll(isNews ? 1 : round + 1, isNews ? Date.now() : since);
            }, POLL_MS[Math.min(round, POLL_MS.length - 1)]);
        }
    }

    Object.assign(Zone.prototype, Photos.actions);

    document.addEventListener("DOMContentLoaded", () => {
        for (const box of document.querySelectorAll(".images[data-root]")) box.zone = new Zone(box);
    });
}
