/* Images in a product's page: several uploads at a time, each file on its own. */
"use strict";
{
    const MAX_PARALLEL = 3;

    class Uploads {
        constructor(zone) {
            this.zone = zone;
            this.waiting = [];
            this.running = 0;
            this.added = 0;
        }

        get isBusy() { return this.running > 0 || this.waiting.length > 0; }

        add(file, alt = "") {
            const { zone } = this;
            const tile = Photos.Tile.create(zone, { name: file.name, alt });
            tile.upload = file;
            if (file.size > zone.maxBytes) {
                this.refuse(tile, `Not uploaded: the file is larger than ${zone.box.dataset.sizeText}. Save it smaller.`);
                return;
            }
            tile.sketch(file);
            if (!zone.product) {
                tile.say("Uploaded when you save the product.");
                return;
            }
            this.enqueue(tile);
        }

        enqueue(tile) {
            tile.flag("retriable", false);
            tile.flag("busy", true);
            tile.say("Waits to be uploaded.");
            tile.refresh();
            this.waiting.push(tile);
            this.pump();
        }

        pump() {
            while (this.running < MAX_PARALLEL && this.waiting.length) this.run(this.waiting.shift());
            if (!this.isBusy) this.drained();
        }

        async run(tile) {
            const { zone } = this;
            this.running += 1;
            try {
                if (zone.stored().length >= zone.maxImages) {
                    throw new Photos.Refused(`A product has at most ${zone.maxImages} images: delete one first.`, { mayRetry: true });
                }
                tile.say("Uploading …");
                const fields = { image: tile.upload, alt: tile.text?.value ?? "" };
                const onProgress = (percent) => {
                    tile.progress(percent);
                    tile.say(percent < 100 ? `Uploading: ${percent} %` : "Being checked …");
                };
                const answer = await Photos.send(zone.url("upload"), fields, onProgress);
                zone.generation += 1;
                tile.flag("busy", false);
                this.uploaded(tile, answer);
            } catch (error) {
                this.refuse(tile, `Not uploaded: ${error.message}`, error.mayRetry);
            } finally {
                this.running -= 1;
                this.pump();
            }
        }

        uploaded(tile, { image, is_new: isNew }) {
            const { zone } = this;
            const same = zone.byId(image.id);
            if (same && isNew) {
                same.show(image);
                tile.remove();
            } else if (same) {
                this.refuse(tile, "Not uploaded: the product has this photo already.");
            } else {
                this.added += 1;
                tile.upload = null;
                tile.show(image);
                // What was typed while the file was under way.
                tile.saveText();
                zone.arrived(tile);
            }
            zone.poll();
        }

        refuse(tile, message, mayRetry = false) {
            tile.flag("busy", false);
            tile.flag("refused", !mayRetry);
            tile.flag("retriable", mayRetry);
            tile.progress(null);
            tile.say(message, true);
            tile.refresh();
            this.refused = (this.refused ?? 0) + 1;
        }

        drained() {
            const { added, refused = 0, zone } = this;
            if (!added && !refused) return;
            this.added = 0;
            this.refused = 0;
            const photos = (count) => `${count || "No"} photo${count === 1 ? "" : "s"}`;
            const told = `${photos(added)} added.${refused ? ` ${photos(refused)} not: see why at each.` : ""}`;
            zone.uploadsEnded(told, refused);
        }
    }

    Photos.Uploads = Uploads;
}
