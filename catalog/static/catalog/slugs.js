/* Fills the admin's slug fields as catalog/slugs.py makes slugs: Django's own URLify drops the marks of letters. It is
   there before the fields are, while Django's script comes after them and misses a name that is typed by then. */
"use strict";
{
    const VIRAMA = "\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d4d\\u0dca";
    const MARK = "(?![\\ufe00-\\ufe0f\\u034f\\u180b-\\u180f])[\\p{Mn}\\p{Mc}]";
    const JOINER = `(?<=[${VIRAMA}])[\\u200c\\u200d](?=\\p{L})|(?<=\\p{Script=Arabic})\\u200c(?=\\p{Script=Arabic})`;
    const PIECE = new RegExp(`([\\p{L}\\p{N}](?:${MARK}|${JOINER})*|_)|([-\\s])|[^]`, "gu");

    window.URLify = (text, length) => {
        const lower = text
            .normalize("NFKC")
            .replace(/\u0e4d\u0e32/g, "\u0e33")
            .replace(/\u0ecd\u0eb2/g, "\u0eb3")
            .replace(/İ/g, "i")
            .toLowerCase();
        const kept = lower.replace(PIECE, (_, letter, gap) => letter ?? (gap ? " " : ""));
        return kept.trim().replace(/\s+/g, "-").slice(0, length).normalize("NFC").replace(/^[-_]+|[-_]+$/g, "");
    };

    let made = "";
    document.addEventListener("input", ({ target }) => {
        const slug = document.getElementById("id_slug");
        // What its user typed stays.
        if (target.id !== "id_name" || !slug || slug.defaultValue || slug.value !== made) return;
        made = window.URLify(target.value, slug.maxLength);
        slug.value = made;
    });
}
