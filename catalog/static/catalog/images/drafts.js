/* Images in a product's page: photos of a product that is not saved yet, kept in the browser (IndexedDB). */
"use strict";
{
    const DAY_MS = 24 * 60 * 60 * 1000;

    const asPromise = (request) => new Promise((resolve, reject) => {
        request.addEventListener("success", () => resolve(request.result));
        request.addEventListener("error", () => reject(request.error));
    });

    const open = () => {
        const request = indexedDB.open("vitrine-photos", 1);
        request.addEventListener("upgradeneeded", () => {
            request.result.createObjectStore("drafts", { keyPath: "draft" });
        });
        return asPromise(request);
    };

    /** Runs `work` with the store in one transaction, and resolves to its result once that is committed. */
    const withStore = async (work) => {
        const database = await open();
        try {
            const transaction = database.transaction("drafts", "readwrite");
            const committed = new Promise((resolve, reject) => {
                transaction.addEventListener("complete", resolve);
                transaction.addEventListener("abort", () => reject(transaction.error));
            });
            const result = await work(transaction.objectStore("drafts"));
            await committed;
            return result;
        } finally {
            database.close();
        }
    };

    /** Keeps the photos [{file, alt}] under the draft's name. Drafts that nobody came back to go after a day. */
    const keep = (draft, photos) => withStore(async (store) => {
        for (const old of await asPromise(store.getAll())) {
            if (Date.now() - old.at > DAY_MS) store.delete(old.draft);
        }
        store.put({ draft, photos, at: Date.now() });
    });

    const read = async (draft) => (await withStore((store) => asPromise(store.get(draft))))?.photos ?? [];

    const forget = (draft) => withStore((store) => { store.delete(draft); });

    Photos.drafts = { keep, read, forget };
}
