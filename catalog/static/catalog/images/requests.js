/* Images in a product's page: requests to the admin's endpoint (catalog/images/admin/endpoint.py). */
"use strict";
window.Photos = {};
{
    // The cookie changes when somebody signs in in another tab; the page's own field does not.
    const token = () =>
        document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1]
        ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

    /** Why a request failed, in words; `mayRetry` when the same request may succeed later. */
    class Refused extends Error {
        constructor(message, { code = "", mayRetry = false } = {}) {
            super(message);
            this.code = code;
            this.mayRetry = mayRetry;
        }
    }

    const RETRIED = new Set(["SIGNED_OUT", "CSRF", "NOT_STORED", "LIMIT_EXCEEDED"]);

    const refusal = (status, text) => {
        try {
            const [{ code, message }] = JSON.parse(text).errors;
            return new Refused(message, { code, mayRetry: RETRIED.has(code) });
        } catch {
            if (status === 413) return new Refused("The file is too large for the server.");
            return new Refused(`The server did not take it (status ${status}).`, { mayRetry: true });
        }
    };

    /**
     * Sends a form by POST, or asks by GET without one; resolves to the answer, rejects with Refused.
     * `onProgress` is told the percentage sent. XMLHttpRequest, because fetch tells no progress of uploads.
     */
    const send = (url, fields = null, onProgress = null) => new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open(fields ? "POST" : "GET", url);
        if (fields) request.setRequestHeader("X-CSRFToken", token());
        request.addEventListener("load", () => {
            if (request.status !== 200) {
                reject(refusal(request.status, request.responseText));
                return;
            }
            try {
                resolve(JSON.parse(request.responseText));
            } catch {
                reject(new Refused("The server's answer cannot be read.", { mayRetry: true }));
            }
        });
        request.addEventListener("error", () => reject(new Refused("The server cannot be reached.", { mayRetry: true })));
        if (onProgress) {
            request.upload.addEventListener("progress", (event) => {
                if (event.lengthComputable) onProgress(Math.round((event.loaded / event.total) * 100));
            });
        }
        const form = new FormData();
        for (const [name, value] of Object.entries(fields ?? {})) form.append(name, value);
        request.send(fields ? form : null);
    });

    Object.assign(Photos, { Refused, send });
}
