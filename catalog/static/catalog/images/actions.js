/* Images in a product's page: what the buttons of a tile do. These are methods of the zone (page.js). */
"use strict";
{
    Photos.actions = {
        /** Sends one thing about an image, and shows what comes of it. */
        async act(tile, action, fields = {}, onProgress = null) {
            tile.flag("busy", true);
            tile.flag("retriable", false);
            tile.again = null;
            tile.refresh();
            let isRefused = false;
            try {
                const { image } = await Photos.send(tile.url(action), fields, onProgress);
                this.generation += 1;
                tile.flag("busy", false);
                tile.show(image);
                this.poll();
            } catch (error) {
                isRefused = true;
                tile.flag("busy", false);
                tile.progress(null);
                tile.file = null;
                if (error.code === "NOT_FOUND") {
                    this.gone(tile);
                } else {
                    tile.say(error.message, true);
                    tile.flag("retriable", error.mayRetry);
                    if (error.mayRetry) tile.again = () => this.act(tile, action, fields, onProgress);
                    tile.refresh();
                }
            }
            this.ended(isRefused);
            return !isRefused;
        },

        retry(tile) {
            if (tile.again) tile.again();
            else if (tile.id) this.act(tile, "retry");
            else this.uploads.enqueue(tile);
        },

        chooseReplacement(tile) {
            const input = document.createElement("input");
            input.type = "file";
            input.accept = this.box.querySelector("[accept]")?.accept ?? "image/*";
            input.addEventListener("change", () => {
                if (input.files[0]) this.replace(tile, input.files[0]);
            });
            input.click();
        },

        async replace(tile, file) {
            if (file.size > this.maxBytes) {
                tile.say(`Not replaced: the file is larger than ${this.box.dataset.sizeText}. Save it smaller.`, true);
                return;
            }
            const picture = tile.part("picture");
            const old = [...picture.childNodes];
            tile.sketch(file);
            const onProgress = (percent) => {
                tile.progress(percent);
                tile.say(percent < 100 ? `Uploading: ${percent} %` : "Being checked …");
            };
            tile.say("Uploading …");
            if (!(await this.act(tile, "replace", { image: file }, onProgress))) picture.replaceChildren(...old);
        },

        async remove(tile) {
            // Pressed twice, it would say that somebody else has deleted it.
            if (tile.has("busy")) return;
            let isRefused = false;
            tile.flag("busy", true);
            try {
                await Photos.send(tile.url("remove"), {});
                this.generation += 1;
                this.order = this.order.filter((id) => id !== tile.id);
                this.say(`“${tile.label}” is deleted.`);
                tile.remove();
            } catch (error) {
                tile.flag("busy", false);
                if (error.code === "NOT_FOUND") {
                    this.gone(tile);
                } else {
                    isRefused = true;
                    tile.ask(false);
                    tile.say(`Not deleted: ${error.message}`, true);
                }
            }
            this.ended(isRefused);
        },
    };
}
