/* Fills the admin's slug fields as catalog/slugs.py makes slugs: Django's own URLify drops the marks of letters. */
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
}
